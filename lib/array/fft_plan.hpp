#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace weft::detail::arrays {

/// Fourier transforms of one length, on lines of complex numbers. Its tables take O(n); transforms need room for as
/// many numbers more, so that one plan serves one thread.
class fft_plan {
 public:
  using number = std::complex<double>;

  explicit fft_plan(std::size_t n);

  std::size_t size() const noexcept { return n_; }
  /// In place: X_k = sum of x_j exp(-2 pi i j k / n).
  void forward(std::span<number> x);
  /// In place, with exp(+...), and divided by n.
  void inverse(std::span<number> x);

 private:
  void stages(std::span<number> x);
  void bluestein(std::span<number> x);

  std::size_t n_;
  std::vector<std::size_t> factors_;  // none: Bluestein's
  std::vector<number> turns_;         // exp(-2 pi i k / n)
  std::vector<number> room_, row_;
  // Bluestein's: a convolution of a length that has small factors.
  std::unique_ptr<fft_plan> longer_;
  std::vector<number> chirp_, chirp_turned_, padded_;
};

}  // namespace weft::detail::arrays
