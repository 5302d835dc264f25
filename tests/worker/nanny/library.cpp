int twice_in_a_library(int x);
int twice_in_a_library(int x) { return 2 * x; }
