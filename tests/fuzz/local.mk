# Fuzz targets: libFuzzer programs with --enable-fuzz, replayers of the corpus in make check.
