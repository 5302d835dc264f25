// The Fortran symbols of BLAS and LAPACK, which are declared here: their types are those of Debian's OpenBLAS.
#include "array/blas.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "weft/array/blas.hpp"
#include "weft/errors.hpp"

extern "C" {
int openblas_get_num_threads(void);
void openblas_set_num_threads(int n);

// Lengths of character arguments come last, as gfortran passes them.
#define WEFT_DETAIL_PRODUCT(name, T)                                                                              \
  void name(const char* ta, const char* tb, const int* m, const int* n, const int* k, const T* alpha, const T* a, \
            const int* lda, const T* b, const int* ldb, const T* beta, T* c, const int* ldc, std::size_t,         \
            std::size_t);
WEFT_DETAIL_PRODUCT(sgemm_, float)
WEFT_DETAIL_PRODUCT(dgemm_, double)
WEFT_DETAIL_PRODUCT(cgemm_, std::complex<float>)
WEFT_DETAIL_PRODUCT(zgemm_, std::complex<double>)
#undef WEFT_DETAIL_PRODUCT

#define WEFT_DETAIL_VECTOR(name, T)                                                                                \
  void name(const char* trans, const int* m, const int* n, const T* alpha, const T* a, const int* lda, const T* x, \
            const int* incx, const T* beta, T* y, const int* incy, std::size_t);
WEFT_DETAIL_VECTOR(sgemv_, float)
WEFT_DETAIL_VECTOR(dgemv_, double)
WEFT_DETAIL_VECTOR(cgemv_, std::complex<float>)
WEFT_DETAIL_VECTOR(zgemv_, std::complex<double>)
#undef WEFT_DETAIL_VECTOR

#define WEFT_DETAIL_LAPACK(p, q, T)                                                                                  \
  void p##trsm_(const char* side, const char* uplo, const char* ta, const char* diag, const int* m, const int* n,    \
                const T* alpha, const T* a, const int* lda, T* b, const int* ldb, std::size_t, std::size_t,          \
                std::size_t, std::size_t);                                                                           \
  void p##gelqf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork, int* info);    \
  void q##lq_(const char* side, const char* trans, const int* m, const int* n, const int* k, const T* a,             \
              const int* lda, const T* tau, T* c, const int* ldc, T* work, const int* lwork, int* info, std::size_t, \
              std::size_t);                                                                                          \
  void p##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork, int* info);    \
  void q##qr_(const char* side, const char* trans, const int* m, const int* n, const int* k, const T* a,             \
              const int* lda, const T* tau, T* c, const int* ldc, T* work, const int* lwork, int* info, std::size_t, \
              std::size_t);                                                                                          \
  void p##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info, std::size_t);                      \
  void p##getrf_(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info);
WEFT_DETAIL_LAPACK(s, sorm, float)
WEFT_DETAIL_LAPACK(d, dorm, double)
WEFT_DETAIL_LAPACK(c, cunm, std::complex<float>)
WEFT_DETAIL_LAPACK(z, zunm, std::complex<double>)
#undef WEFT_DETAIL_LAPACK

#define WEFT_DETAIL_LAPACK(p, T)                                                                                 \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, T* s, T* u, const int* ldu, \
                 T* vt, const int* ldvt, T* work, const int* lwork, int* iwork, int* info, std::size_t);
WEFT_DETAIL_LAPACK(s, float)
WEFT_DETAIL_LAPACK(d, double)
#undef WEFT_DETAIL_LAPACK

// Of complex numbers, with real ones to work in beside them.
#define WEFT_DETAIL_LAPACK(p, T, R)                                                                              \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, R* s, T* u, const int* ldu, \
                 T* vt, const int* ldvt, T* work, const int* lwork, R* rwork, int* iwork, int* info, std::size_t);
WEFT_DETAIL_LAPACK(c, std::complex<float>, float)
WEFT_DETAIL_LAPACK(z, std::complex<double>, double)
#undef WEFT_DETAIL_LAPACK
}

namespace weft {

int blas_threads() { return openblas_get_num_threads(); }

void blas_threads(int n) {
  if (n < 1) throw misuse("weft: blas_threads(" + std::to_string(n) + "): give 1 or more");
  openblas_set_num_threads(n);
  detail::log_once("blas_threads", "OpenBLAS takes " + std::to_string(n) + (n == 1 ? " thread" : " threads") +
                                       " for each call in this process from here on: blas_threads() was called");
}

}  // namespace weft

namespace weft::detail::arrays::blas {

namespace {

const char* letter(form f) noexcept { return f == form::plain ? "N" : f == form::turned ? "T" : "C"; }

void say_threads() {
  const int threads = openblas_get_num_threads();
  if (threads == 1) return;
  log_once("blas_many_threads",
           "OpenBLAS takes " + std::to_string(threads) +
               " threads for each call, and tasks may call it side by side: weft::blas_threads(1), or "
               "OPENBLAS_NUM_THREADS=1, is faster then, and gives the same bits on any number of threads");
}

void check(int info, const char* what) {
  if (info < 0)
    throw std::runtime_error(std::string("weft: LAPACK refuses argument ") + std::to_string(-info) + " of " + what +
                             ": are there NaNs or infinities in the array?");
}

/// LAPACK is asked how much work space it wants, and called with that.
template <class T, class F>
void with_space(const char* what, F call) {
  T wanted{};
  int ask = -1, info = 0;
  call(&wanted, &ask, &info);
  check(info, what);
  int size = std::max(1, static_cast<int>(std::real(wanted)));
  // A float holds 24 bits, and what LAPACK says in one may be too little.
  if constexpr (sizeof(real<T>) == 4) size += size / (1 << 22);
  std::vector<T> work(static_cast<std::size_t>(size));
  call(work.data(), &size, &info);
  check(info, what);
}

/// The real numbers that gesdd works in beside complex ones, as its documentation counts them.
std::size_t reals_of_svd(index m, index n) noexcept {
  const auto least = static_cast<std::size_t>(std::min(m, n)), most = static_cast<std::size_t>(std::max(m, n));
  return least * std::max(5 * least + 7, 2 * most + 2 * least + 1) + 1;
}

/// LAPACK puts the reflectors' ones into their matrix while it applies them, and what was there back afterwards:
/// others read it, so it is given a copy.
template <class T>
std::vector<T> copy_of(index rows, index columns, const T* a, index lda) {
  std::vector<T> copy;
  copy.reserve(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
  for (index j = 0; j < columns; ++j) {
    const T* const column = a + static_cast<std::ptrdiff_t>(j) * lda;
    copy.insert(copy.end(), column, column + rows);
  }
  return copy;
}

}  // namespace

#define WEFT_DETAIL_PRODUCT(name, T)                                                                        \
  template <>                                                                                               \
  void multiply<T>(form fa, form fb, index m, index n, index k, T alpha, const T* a, index lda, const T* b, \
                   index ldb, T beta, T* c, index ldc) {                                                    \
    say_threads();                                                                                          \
    name(letter(fa), letter(fb), &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc, 1, 1);               \
  }
WEFT_DETAIL_PRODUCT(sgemm_, float)
WEFT_DETAIL_PRODUCT(dgemm_, double)
WEFT_DETAIL_PRODUCT(cgemm_, std::complex<float>)
WEFT_DETAIL_PRODUCT(zgemm_, std::complex<double>)
#undef WEFT_DETAIL_PRODUCT

#define WEFT_DETAIL_VECTOR(name, T)                                                                     \
  template <>                                                                                           \
  void multiply_vector<T>(bool transposed, index m, index n, const T* a, index lda, const T* x, T* y) { \
    say_threads();                                                                                      \
    const T one(1);                                                                                     \
    const index step = 1;                                                                               \
    name(transposed ? "T" : "N", &m, &n, &one, a, &lda, x, &step, &one, y, &step, 1);                   \
  }
WEFT_DETAIL_VECTOR(sgemv_, float)
WEFT_DETAIL_VECTOR(dgemv_, double)
WEFT_DETAIL_VECTOR(cgemv_, std::complex<float>)
WEFT_DETAIL_VECTOR(zgemv_, std::complex<double>)
#undef WEFT_DETAIL_VECTOR

#define WEFT_DETAIL_LAPACK(p, q, T)                                                                                  \
  template <>                                                                                                        \
  void solve_triangular<T>(bool left, bool upper, form fa, bool unit, index m, index n, T alpha, const T* a,         \
                           index lda, T* b, index ldb) {                                                             \
    say_threads();                                                                                                   \
    p##trsm_(left ? "L" : "R", upper ? "U" : "L", letter(fa), unit ? "U" : "N", &m, &n, &alpha, a, &lda, b, &ldb, 1, \
             1, 1, 1);                                                                                               \
  }                                                                                                                  \
  template <>                                                                                                        \
  void factor_lq<T>(index m, index n, T * a, index lda, T * tau) {                                                   \
    say_threads();                                                                                                   \
    with_space<T>("gelqf",                                                                                           \
                  [&](T* work, int* size, int* info) { p##gelqf_(&m, &n, a, &lda, tau, work, size, info); });        \
  }                                                                                                                  \
  template <>                                                                                                        \
  void multiply_by_q<T>(index m, index n, index k, const T* a, index lda, const T* tau, T* c, index ldc) {           \
    say_threads();                                                                                                   \
    const std::vector<T> own = copy_of(k, n, a, lda);                                                                \
    with_space<T>("ormlq", [&](T* work, int* size, int* info) {                                                      \
      q##lq_("R", "N", &m, &n, &k, own.data(), &k, tau, c, &ldc, work, size, info, 1, 1);                            \
    });                                                                                                              \
  }                                                                                                                  \
  template <>                                                                                                        \
  void factor_qr<T>(index m, index n, T * a, index lda, T * tau) {                                                   \
    say_threads();                                                                                                   \
    with_space<T>("geqrf",                                                                                           \
                  [&](T* work, int* size, int* info) { p##geqrf_(&m, &n, a, &lda, tau, work, size, info); });        \
  }                                                                                                                  \
  template <>                                                                                                        \
  void multiply_q_by<T>(bool adjoint, index m, index n, index k, const T* a, index lda, const T* tau, T* c,          \
                        index ldc) {                                                                                 \
    say_threads();                                                                                                   \
    const std::vector<T> own = copy_of(m, k, a, lda);                                                                \
    with_space<T>("ormqr", [&](T* work, int* size, int* info) {                                                      \
      q##qr_("L",                                                                                                    \
             !adjoint                ? "N"                                                                           \
             : detail::is_complex<T> ? "C"                                                                           \
                                     : "T",                                                                          \
             &m, &n, &k, own.data(), &m, tau, c, &ldc, work, size, info, 1, 1);                                      \
    });                                                                                                              \
  }                                                                                                                  \
  template <>                                                                                                        \
  index factor_cholesky<T>(index n, T * a, index lda) {                                                              \
    say_threads();                                                                                                   \
    int info = 0;                                                                                                    \
    p##potrf_("U", &n, a, &lda, &info, 1);                                                                           \
    check(info, "potrf");                                                                                            \
    return info;                                                                                                     \
  }                                                                                                                  \
  template <>                                                                                                        \
  bool factor_lu<T>(index m, index n, T * a, index lda, index * pivots) {                                            \
    say_threads();                                                                                                   \
    int info = 0;                                                                                                    \
    p##getrf_(&m, &n, a, &lda, pivots, &info);                                                                       \
    check(info, "getrf");                                                                                            \
    return info == 0;                                                                                                \
  }
WEFT_DETAIL_LAPACK(s, sorm, float)
WEFT_DETAIL_LAPACK(d, dorm, double)
WEFT_DETAIL_LAPACK(c, cunm, std::complex<float>)
WEFT_DETAIL_LAPACK(z, zunm, std::complex<double>)
#undef WEFT_DETAIL_LAPACK

#define WEFT_DETAIL_LAPACK(p, T, ...)                                                                           \
  template <>                                                                                                   \
  bool singular_values<T>(index m, index n, T * a, real<T> * s, T * u, T * vt) {                                \
    say_threads();                                                                                              \
    const index k = std::min(m, n);                                                                             \
    [[maybe_unused]] std::vector<real<T>> reals(is_complex<T> ? reals_of_svd(m, n) : 0);                        \
    std::vector<int> more(8 * static_cast<std::size_t>(k));                                                     \
    bool converged = true;                                                                                      \
    with_space<T>("gesdd", [&](T* work, int* size, int* info) {                                                 \
      p##gesdd_(u == nullptr ? "N" : "S", &m, &n, a, &m, s, u, &m, vt, &k, work, size, __VA_ARGS__ more.data(), \
                info, 1);                                                                                       \
      converged = *info <= 0;                                                                                   \
    });                                                                                                         \
    return converged;                                                                                           \
  }
WEFT_DETAIL_LAPACK(s, float)
WEFT_DETAIL_LAPACK(d, double)
WEFT_DETAIL_LAPACK(c, std::complex<float>, reals.data(), )
WEFT_DETAIL_LAPACK(z, std::complex<double>, reals.data(), )
#undef WEFT_DETAIL_LAPACK

}  // namespace weft::detail::arrays::blas
