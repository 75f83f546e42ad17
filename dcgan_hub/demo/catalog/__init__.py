"""What the app can show: generators and runs of this machine, and those of the Hub."""
