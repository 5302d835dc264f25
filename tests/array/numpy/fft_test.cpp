// Fourier transforms, beside NumPy's: real and imaginary parts.
#include <complex>

#include "array/numpy/reference.hpp"

using reference::check;

namespace {

template <class X>
void check_parts(arrays::place& at, const std::string& name, const X& x) {
  check(at, name + "_real", weft::astype<double>(x));
  check(at, name + "_imaginary", weft::astype<double>(x * std::complex<double>(0, -1)));
}

}  // namespace

TEST_CASE("Fourier transforms are what NumPy's are, in all chunks") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5}, weft::shape{5, 1, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  check_parts(at, "fft_0", weft::fft(d.x, 0));
  check_parts(at, "fft_1", weft::fft(d.x, 1));
  check_parts(at, "fft_last", weft::fft(d.x));
  check_parts(at, "ifft", weft::ifft(d.x, 1));
  check_parts(at, "fft_int", weft::fft(d.i, 1));
  check_parts(at, "fft2", weft::fft2(d.x));
  check_parts(at, "fftn", weft::fftn(d.plane));
  check_parts(at, "rfft", weft::rfft(d.x, 0));
  check(at, "irfft", weft::irfft(d.x, 0));
  check(at, "irfft_odd", weft::irfft(d.x, 0, {.n = 31}));
  check(at, "irfft_short", weft::irfft(d.x, 0, {.n = 20}));
}

TEST_CASE("Fourier transforms of other lengths, scales and axes are NumPy's") {
  using weft::axes;
  using weft::fft_norm;
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  const auto x = d.x(weft::slice(0, 6));
  const weft::array<std::complex<double>, 3> wavy(x + weft::flip(x, 0) * std::complex<double>(0, 1));
  const auto check_axes = [&](const std::string& name, const std::string& norm_name, fft_norm norm, const auto& v,
                              auto two, auto many) {
    const auto named = [&](const char* what) { return name + what + norm_name; };
    check(at, named("2_"), two(v, axes(-2, -1), weft::fftn_options{.norm = norm}));
    check(at, named("2_axes_"), two(v, axes(1, 0), weft::fftn_options{{20, 6}, norm}));
    check(at, named("n_"), many(v, axes(0, 1, 2), weft::fftn_options{.norm = norm}));
    check(at, named("n_axes_"), many(v, axes(0, -1), weft::fftn_options{.norm = norm}));
  };
  for (const auto& [norm_name, norm] : {std::pair<std::string, fft_norm>("backward", fft_norm::backward),
                                        {"ortho", fft_norm::ortho},
                                        {"forward", fft_norm::forward}}) {
    for (const std::int64_t n : {0, 1, 8, 17, 31}) {
      const weft::fft_options how{.n = n, .norm = norm};
      const std::string end = "_" + std::to_string(n) + "_" + norm_name;
      check(at, "fft" + end, weft::fft(x, 1, how));
      check(at, "ifft" + end, weft::ifft(x, 1, how));
      check(at, "rfft" + end, weft::rfft(x, 1, how));
      check(at, "irfft" + end, weft::irfft(x, -2, how));
      check(at, "hfft" + end, weft::hfft(x, 1, how));
      check(at, "ihfft" + end, weft::ihfft(x, 1, how));
    }
    check_axes(
        "fft", norm_name, norm, wavy, [](const auto&... a) { return weft::fft2(a...); },
        [](const auto&... a) { return weft::fftn(a...); });
    check_axes(
        "ifft", norm_name, norm, wavy, [](const auto&... a) { return weft::ifft2(a...); },
        [](const auto&... a) { return weft::ifftn(a...); });
    check_axes(
        "rfft", norm_name, norm, x, [](const auto&... a) { return weft::rfft2(a...); },
        [](const auto&... a) { return weft::rfftn(a...); });
    check_axes(
        "irfft", norm_name, norm, wavy, [](const auto&... a) { return weft::irfft2(a...); },
        [](const auto&... a) { return weft::irfftn(a...); });
    check(at, "fftn_last_" + norm_name, weft::fftn(wavy, {.n = {7, 9}, .norm = norm}));
    check(at, "irfftn_last_" + norm_name, weft::irfftn(wavy, {.n = {7, 9}, .norm = norm}));
    check(at, "rfft2_" + norm_name, weft::rfft2(x, {.norm = norm}));
    check(at, "ifftn_" + norm_name, weft::ifftn(wavy, {.norm = norm}));
  }
  check(at, "fftn_int", weft::fftn(d.i));
  check(at, "hfft_complex", weft::hfft(wavy, 0));
}

TEST_CASE("frequencies, and shifts of them, are NumPy's") {
  const weft::shape chunk = GENERATE(weft::shape{7, 6, 2}, weft::shape{23, 17, 5});
  arrays::place at;
  const reference::data d(at, chunk);
  for (const std::int64_t n : {1, 2, 7, 10}) {
    check(at, "fftfreq_" + std::to_string(n), weft::fftfreq(at.client, n, 0.3, {.chunk = {4}}), true);
    check(at, "rfftfreq_" + std::to_string(n), weft::rfftfreq(at.client, n, 0.3), true);
  }
  check(at, "fftshift", weft::fftshift(d.x), true);
  check(at, "fftshift_1", weft::fftshift(d.x, 1), true);
  check(at, "ifftshift_02", weft::ifftshift(d.x, weft::axes(0, -1)), true);
  check(at, "ifftshift", weft::ifftshift(d.x), true);
}
