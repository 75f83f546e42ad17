"""The generators and runs that the app can show, on this machine and on the Hub."""
