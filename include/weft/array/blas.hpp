#pragma once

namespace weft {

/// How many threads one call of BLAS or LAPACK takes, in this process.
///
/// OpenBLAS has one such number a process, for all who use it, and begins with the number of processors. weft leaves
/// it alone until it is told to: products and factorisations of arrays are cut into tasks that run side by side, so
/// a program that computes them on more than one thread calls `weft::blas_threads(1)` before it begins. Workers of a
/// cluster are processes of their own: call it before weft::init, which makes a worker of the program, or set
/// OPENBLAS_NUM_THREADS=1 where workers are started. Results are the same bit for bit on one thread and many, here
/// and on a cluster of like processors, where it is 1; OpenBLAS promises nothing else.
int blas_threads();
/// Sets it, and says so on standard error (WEFT_LOG=off silences that). Throws misuse when `n` is below 1.
void blas_threads(int n);

}  // namespace weft
