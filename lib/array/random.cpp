// Random numbers as operations on the numbers of elements.
#include "weft/array/random.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "array/numbered.hpp"
#include "array/philox.hpp"
#include "array/runs.hpp"
#include "env/secret.hpp"
#include "weft/environment.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

template <class T>
class random_kernel final : public kernel {
 public:
  explicit random_kernel(const random_numbers& w) : which_(w) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return items.size() == 1 && items[0] == sizeof(std::int64_t) && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const auto* numbers = reinterpret_cast<const std::int64_t*>(s.in[0]);
    T* out = reinterpret_cast<T*>(s.out);
    const random_stream stream{which_.seed, which_.stream};
    for_each_stretch(numbers, s.count, [&](auto which, std::size_t at, std::size_t n) {
      write(stream, element_numbers(which), std::span<T>(out + at, n));
    });
  }
  void encode(encoder& e) const override { weft::encode(e, which_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("random"); }

 private:
  void write(const random_stream& s, element_numbers which, std::span<T> out) const {
    if constexpr (std::is_integral_v<T>) {
      std::uint64_t some[256];
      for (std::size_t i = 0; i < out.size(); i += std::size(some)) {
        const std::span<std::uint64_t> part(some, std::min(std::size(some), out.size() - i));
        philox::integers(s, which.after(i), which_.most, part);
        for (std::size_t k = 0; k < part.size(); ++k)
          out[i + k] = static_cast<T>(static_cast<std::uint64_t>(which_.least) + part[k]);
      }
    } else if (which_.of == distribution::normal) {
      philox::normal(s, which, out);
    } else if (which_.of == distribution::exponential) {
      philox::exponential(s, which, out);
    } else {
      philox::uniform(s, which, out);
    }
  }
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const random_kernel>(weft::decode<random_numbers>(d));
  }
  static inline const code_entry entry_{&random_kernel::make};

  const random_numbers which_;
};

}  // namespace

array_ref make_random(const client& c, element e, const grid& chunks, const random_numbers& which) {
  return of_numbers(c, e, chunks, kernel_for<random_kernel>(e.type, which));
}

random_numbers integers_between(std::int64_t least, std::int64_t end, element e) {
  if (least >= end)
    throw misuse("weft: random integers from " + std::to_string(least) + " up to, without, " + std::to_string(end) +
                 ": there are none");
  const auto bits = 8 * e.item;
  const bool natural = e.type >= dtype::u8 && e.type <= dtype::u64;
  const std::int64_t last = end - 1;
  const std::int64_t smallest = natural ? 0 : -(std::int64_t{1} << (bits - 2)) * 2;
  const bool fits = least >= smallest && (bits == 64 || last < (std::int64_t{1} << (natural ? bits : bits - 1)));
  if (!fits)
    throw misuse("weft: random integers from " + std::to_string(least) + " to " + std::to_string(last) +
                 " do not fit in elements of " + weft::to_string(e.type));
  return {distribution::integers, 0, 0, least, static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(least)};
}

}  // namespace weft::detail::arrays

namespace weft::random {

generator::generator() : seed_(weft::detail::secret(real_environment())) {}

options generator::next(options how) {
  if (stream_ > std::numeric_limits<std::uint32_t>::max())
    throw misuse("weft: a generator of random numbers that has handed out 2^32 streams: make one of another seed");
  how.seed = seed_;
  how.stream = static_cast<std::uint32_t>(stream_++);
  return how;
}

}  // namespace weft::random
