"""Published weights come to this machine: one URL to one file, and the folder where they are kept."""
