// Fourier transforms of arrays: an axis in one chunk, and a task for each chunk.
#include "weft/detail/array/fft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>
#include <utility>
#include <vector>

#include "array/fft_plan.hpp"
#include "array/given.hpp"
#include "array/layered.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// One number in double, whatever the elements are; the imaginary part of real ones is dropped.
fft_plan::number read(const block& b, std::size_t i) {
  switch (b.of().type) {
    case dtype::f32:
      return static_cast<double>(b.data<float>()[i]);
    case dtype::f64:
      return b.data<double>()[i];
    case dtype::c64:
      return fft_plan::number(b.data<std::complex<float>>()[i]);
    default:
      return b.data<std::complex<double>>()[i];
  }
}
void write(block& b, std::size_t i, fft_plan::number x) {
  switch (b.of().type) {
    case dtype::f32:
      b.data<float>()[i] = static_cast<float>(x.real());
      break;
    case dtype::f64:
      b.data<double>()[i] = x.real();
      break;
    case dtype::c64:
      b.data<std::complex<float>>()[i] = std::complex<float>(x);
      break;
    default:
      b.data<std::complex<double>>()[i] = x;
  }
}

bool is_transformed(element e) noexcept { return is_number(e) && e.type >= dtype::f32; }

struct transform {
  std::uint32_t axis = 0;
  fourier how = fourier::forward;
  std::int64_t length = 0;  // of the transform
  std::int64_t count = 0;   // of what is written of it
  double scale = 1;
  element of = {};

  block operator()(std::size_t, const block& x) const {
    demand_given(how <= fourier::inverse_real && is_transformed(x.of()) && is_transformed(of) &&
                     axis < x.extents().size() && length >= 1 && count >= 0 && count <= length,
                 "another transform than one of its chunk");
    weft::shape extents = x.extents();
    const auto read_count = static_cast<std::size_t>(extents[axis]), n = static_cast<std::size_t>(length);
    std::size_t outer = 1, inner = 1;
    for (std::size_t a = 0; a < extents.size(); ++a) {
      if (a < axis) outer *= static_cast<std::size_t>(extents[a]);
      if (a > axis) inner *= static_cast<std::size_t>(extents[a]);
    }
    extents[axis] = count;
    block result(of, extents);
    if (result.count() == 0) return result;
    const auto written = static_cast<std::size_t>(count);
    fft_plan plan(n);
    std::vector<fft_plan::number> line(n);
    for (std::size_t o = 0; o < outer; ++o)
      for (std::size_t i = 0; i < inner; ++i) {
        const std::size_t used = std::min(read_count, how == fourier::inverse_real ? n / 2 + 1 : n);
        for (std::size_t k = 0; k < used; ++k) line[k] = read(x, (o * read_count + k) * inner + i);
        std::fill(line.begin() + static_cast<std::ptrdiff_t>(used), line.end(), fft_plan::number());
        if (how == fourier::inverse_real) make_symmetric(line);
        if (how == fourier::forward || how == fourier::forward_real)
          plan.forward(line);
        else
          plan.inverse(line);
        for (std::size_t k = 0; k < written; ++k) write(result, (o * written + k) * inner + i, line[k] * scale);
      }
    return result;
  }
  std::string task_name() const {
    static constexpr const char* names[] = {"fft", "ifft", "rfft", "irfft"};
    return how <= fourier::inverse_real ? names[static_cast<std::size_t>(how)] : names[0];
  }
  std::string task_subject(std::size_t) const { return {}; }

 private:
  /// The second half of the transform of real numbers has the conjugates of the first.
  static void make_symmetric(std::vector<fft_plan::number>& line) {
    const std::size_t n = line.size();
    line[0] = line[0].real();
    if (n % 2 == 0) line[n / 2] = line[n / 2].real();
    for (std::size_t k = 1; k < n - k; ++k) line[n - k] = std::conj(line[k]);
  }
};

/// A node's layer is a task for each of its operand's chunks.
class transform_recipe final : public layer_recipe {
 public:
  transform_recipe(std::size_t n, transform t) : tasks_(n), how_(t) {}
  layer<block> make(std::span<const layer<block>> in) const override {
    return layer_of(tasks_, how_, in[0], one_to_one{});
  }
  std::size_t tasks() const noexcept override { return tasks_; }

 private:
  std::size_t tasks_;
  transform how_;
};

/// A number that does all the scaling which a transform of n has beside that of fft_plan.
double scale_of(fourier how, fft_norm norm, std::int64_t n) noexcept {
  const auto numbers = static_cast<double>(n);
  const bool inverse = how == fourier::inverse || how == fourier::inverse_real;
  if (norm == fft_norm::ortho) return inverse ? std::sqrt(numbers) : 1 / std::sqrt(numbers);
  if (norm == fft_norm::forward) return inverse ? numbers : 1 / numbers;
  return 1;
}

[[noreturn]] void throw_fft(const char* what, const std::string& why) {
  throw misuse("weft: " + std::string(what) + why);
}

}  // namespace

array_ref make_fft(const char* what, array_ref x, std::int64_t axis, fourier how, std::int64_t n, fft_norm norm,
                   element e) {
  const auto a = static_cast<std::uint32_t>(checked_axis(axis, x->chunks));
  const std::int64_t extent = x->chunks.axes[a].extent;
  if (n < 0) throw_fft(what, " to " + std::to_string(n) + " numbers: give 1 or more, or 0 for as many as there are");
  const bool to_real = how == fourier::inverse_real;
  const std::int64_t length = n != 0 ? n : to_real ? 2 * (extent - 1) : extent;
  if (extent < 1 || length < 1)
    throw_fft(what, " along axis " + std::to_string(a) + " of an array of shape " +
                        weft::to_string(x->chunks.whole()) + ": there is nothing to transform");
  // What is beyond a shorter transform is not read.
  const std::int64_t used = to_real ? length / 2 + 1 : length;
  if (used < extent) x = along_view(std::move(x), a, item_of(slice(0, used)));
  const std::int64_t count = how == fourier::forward_real ? length / 2 + 1 : length;
  grid chunks = x->chunks;
  chunks.axes[a] = one_chunk(chunks.axes[a].extent);
  client c = x->owner;
  array_ref gathered = in_chunks(std::move(x), chunks);
  chunks.axes[a] = one_chunk(count);
  const transform t{a, how, length, count, scale_of(how, norm, length), e};
  return make_layered(std::move(c), e, chunks, {std::move(gathered)},
                      std::make_shared<const transform_recipe>(chunks.tasks(), t));
}

array_ref make_fftn(const char* what, array_ref x, const weft::shape& axes, bool all, fourier how,
                    const weft::shape& n, fft_norm norm, element e) {
  const std::size_t rank = x->chunks.rank, count = !all ? axes.size() : n.size() != 0 ? n.size() : rank;
  if (count == 0) throw_fft(what, " along no axis: give one at least");
  if (n.size() != 0 && n.size() != count)
    throw_fft(what, " along " + std::to_string(count) + " axes with lengths " + weft::to_string(n) +
                        ": give one for each, or none");
  const auto last = static_cast<std::int64_t>(count) - 1;
  const auto step = [&](std::int64_t i, fourier which, element to) {
    // Those that are not named are the last ones.
    const auto at = static_cast<std::size_t>(i);
    x = make_fft(what, std::move(x), all ? i - last - 1 : axes[at], which, n.size() != 0 ? n[at] : 0, norm, to);
  };
  if (how == fourier::inverse_real) {
    const element between = x->of;
    for (std::int64_t i = 0; i < last; ++i) step(i, fourier::inverse, between);
    step(last, how, e);
  } else {
    step(last, how, e);
    const fourier others = how == fourier::inverse ? how : fourier::forward;
    for (std::int64_t i = last; i-- > 0;) step(i, others, e);
  }
  return x;
}

array_ref shifted_fft(array_ref x, std::uint32_t axes, bool back) {
  for (std::uint32_t a = 0; a < x->chunks.rank; ++a)
    if ((axes >> a & 1) != 0) {
      const std::int64_t extent = x->chunks.axes[a].extent;
      x = rolled(std::move(x), back ? -(extent / 2) : extent / 2, a);
    }
  return x;
}

void check_fft_frequencies(const char* what, std::int64_t n, double distance) {
  if (n < 1) throw_fft(what, " of " + std::to_string(n) + " numbers: give 1 or more");
  if (!(distance < 0 || distance > 0)) throw_fft(what, " of numbers that are 0 apart, or NaN: give their distance");
}

}  // namespace weft::detail::arrays
