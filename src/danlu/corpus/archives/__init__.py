"""Archives (zip, tar) as the files they hold, of which none is ever written to the disk by its name."""
