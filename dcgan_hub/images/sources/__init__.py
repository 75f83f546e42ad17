"""Where images come from: folders, archives, arrays, parquet files; what each holds before anything is decoded."""
