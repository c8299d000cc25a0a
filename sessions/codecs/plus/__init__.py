"""`PlusCodec`: values that JSON lacks, as tagged values inside JSON."""
