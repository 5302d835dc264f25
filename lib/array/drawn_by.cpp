// Random numbers whose parameters are arrays.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "array/drawn.hpp"
#include "array/numbered.hpp"
#include "array/philox.hpp"
#include "array/samplers.hpp"
#include "weft/array/random.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t most_parameters = 3;

/// The parameters of a strip's elements: those that are arrays stand behind the elements' first input.
class parameters {
 public:
  parameters(const std::array<double, most_parameters>& fixed, std::uint8_t arrays, const strip& s) noexcept
      : fixed_(fixed) {
    std::size_t next = 1;
    for (std::size_t i = 0; i < most_parameters; ++i)
      if ((arrays >> i & 1) != 0) each_[i] = reinterpret_cast<const double*>(s.in[next++]);
  }
  std::array<double, most_parameters> at(std::size_t element) const noexcept {
    std::array<double, most_parameters> all = fixed_;
    for (std::size_t i = 0; i < most_parameters; ++i)
      if (each_[i]) all[i] = each_[i][element];
    return all;
  }
  /// The end of those from `begin` on that have the same ones.
  std::size_t same_until(std::size_t begin, std::size_t count) const noexcept {
    std::size_t end = begin + 1;
    const auto bits = [](double x) { return std::bit_cast<std::uint64_t>(x); };
    const auto like_first = [&](const double* all) { return !all || bits(all[end]) == bits(all[begin]); };
    while (end < count && std::all_of(each_.begin(), each_.end(), like_first)) ++end;
    return end;
  }

 private:
  std::array<double, most_parameters> fixed_;
  std::array<const double*, most_parameters> each_{};
};
bool takes_parameters(std::span<const std::uint32_t> items, std::size_t first, std::uint8_t arrays) noexcept {
  const auto n = static_cast<std::size_t>(std::popcount(arrays));
  return items.size() == n + 1 && items[0] == first &&
         std::all_of(items.begin() + 1, items.end(), [](std::uint32_t i) { return i == sizeof(double); });
}

/// Elements whose parameters are the same, and whose numbers follow each other, are drawn together, as those of a
/// distribution that all have: so they are the same numbers.
template <class T>
class drawn_by_kernel final : public kernel {
 public:
  struct what {
    drawn_numbers which = {};  // the seed, and those parameters that are no arrays
    std::uint8_t arrays = 0;   // a bit for each that is one
    element of = {};
  };
  explicit drawn_by_kernel(const what& w) : what_(w), most_(most_of(w.of)) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return takes_parameters(items, sizeof(std::int64_t), what_.arrays) && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const auto* numbers = reinterpret_cast<const std::int64_t*>(s.in[0]);
    T* out = reinterpret_cast<T*>(s.out);
    drawn_numbers w = what_.which;
    const parameters given({w.a, w.b, w.c}, what_.arrays, s);
    for (std::size_t i = 0; i < s.count;) {
      std::size_t end = given.same_until(i, s.count);
      for (std::size_t k = i + 1; k < end; ++k)
        if (numbers[k] != numbers[k - 1] + 1) end = k;
      const auto [a, b, c] = given.at(i);
      w.a = a;
      w.b = b;
      w.c = c;
      const std::string fault = fault_of(w);
      if (!fault.empty()) throw misuse("weft: " + fault);
      if (is_count(w.of)) check_fits(w, most_, what_.of.type);
      if (w.of == distribution_name::zipf) w.c = most_;
      sample(w, static_cast<std::uint64_t>(numbers[i]), std::span<T>(out + i, end - i));
      i = end;
    }
  }
  void encode(encoder& e) const override { weft::encode(e, what_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(name_of(what_.which.of));
  }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    const auto w = weft::decode<what>(d);
    if (w.which.of > distribution_name::logseries) d.fail("random numbers", "there is no such distribution");
    if (w.arrays >> parameters_of(w.which.of) != 0) d.fail("random numbers", "they have not so many parameters");
    if (is_count(w.which.of) != std::is_integral_v<T> || w.of.item != sizeof(T))
      d.fail("random numbers", "they are of elements of another kind");
    return std::make_shared<const drawn_by_kernel>(w);
  }
  static inline const code_entry entry_{&drawn_by_kernel::make};

  const what what_;
  const double most_;
};

/// What is wrong with the parameters of a distribution that is moved and stretched.
const char* fault_of_stretch(distribution of, double a, double b) noexcept {
  const auto is_scale = [](double x) { return x >= 0 && std::isfinite(x); };
  if (of == distribution::exponential) return is_scale(a) ? nullptr : "give a scale of 0 or more";
  if (of == distribution::normal)
    return std::isfinite(a) && is_scale(b) ? nullptr : "give a finite loc, and a scale of 0 or more";
  return std::isfinite(a) && is_scale(b - a) ? nullptr : "give a low that is no more than high, both finite";
}
const char* name_of(distribution of) noexcept {
  return of == distribution::exponential ? "exponential" : of == distribution::normal ? "normal" : "uniform";
}

/// Standard numbers moved and stretched: as the expression of numbers would have it.
template <class T>
class stretched_kernel final : public kernel {
 public:
  struct what {
    distribution of = distribution::normal;
    double a = 0, b = 0;
    std::uint8_t arrays = 0;
  };
  explicit stretched_kernel(const what& w) : what_(w) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return takes_parameters(items, sizeof(T), what_.arrays) && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const T* x = reinterpret_cast<const T*>(s.in[0]);
    T* out = reinterpret_cast<T*>(s.out);
    const parameters given({what_.a, what_.b, 0}, what_.arrays, s);
    for (std::size_t i = 0; i < s.count; ++i) {
      const auto [a, b, unused] = given.at(i);
      if (const char* fault = fault_of_stretch(what_.of, a, b)) [[unlikely]]
        throw misuse("weft: " + std::string(name_of(what_.of)) + " with " + std::to_string(a) +
                     (what_.of == distribution::exponential ? "" : " and " + std::to_string(b)) + ": " + fault);
      if (what_.of == distribution::exponential)
        out[i] = x[i] * static_cast<T>(a);
      else if (what_.of == distribution::normal)
        out[i] = x[i] * static_cast<T>(b) + static_cast<T>(a);
      else
        out[i] = x[i] * static_cast<T>(b - a) + static_cast<T>(a);
    }
  }
  void encode(encoder& e) const override { weft::encode(e, what_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back(name_of(what_.of)); }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    const auto w = weft::decode<what>(d);
    if (w.of >= distribution::integers || w.arrays > (w.of == distribution::exponential ? 1 : 3))
      d.fail("random numbers", "they have not so many parameters");
    return std::make_shared<const stretched_kernel>(w);
  }
  static inline const code_entry entry_{&stretched_kernel::make};

  const what what_;
};

/// The number that philox::integers() has for one element.
std::uint64_t integer_at(random_stream s, std::uint64_t element, std::uint64_t most) noexcept {
  const std::uint64_t range = most + 1;
  const bool narrow = most <= 0xffff'ffff;
  const std::uint64_t each = narrow ? 4 : 2, block = element / each;
  const std::size_t i = element % each;
  const philox_key key{static_cast<std::uint32_t>(s.seed), static_cast<std::uint32_t>(s.seed >> 32)};
  const std::uint64_t left_out = narrow ? (std::uint64_t{1} << 32) % range : range == 0 ? 0 : (0 - range) % range;
  for (std::uint32_t attempt = 0;; ++attempt) {
    const philox_counter w = philox4x32(
        {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), attempt, s.number}, key);
    if (narrow) {
      const std::uint64_t product = range * w[i];
      if (static_cast<std::uint32_t>(product) >= left_out) return product >> 32;
      continue;
    }
    const std::uint64_t x = w[2 * i] | std::uint64_t{w[2 * i + 1]} << 32;
    if (range == 0) return x;
    __extension__ typedef unsigned __int128 wide;
    const wide product = wide{range} * x;
    if (static_cast<std::uint64_t>(product) >= left_out) return static_cast<std::uint64_t>(product >> 64);
  }
}

template <class T>
class integers_by_kernel final : public kernel {
 public:
  struct what {
    std::uint64_t seed = 0;
    std::uint32_t stream = 0;
    element of = {};
  };
  explicit integers_by_kernel(const what& w) : what_(w) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return items.size() == 3 && items[0] == 8 && items[1] == 8 && items[2] == 8 && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const auto in = [&](std::size_t i) { return reinterpret_cast<const std::int64_t*>(s.in[i]); };
    const std::int64_t *numbers = in(0), *least = in(1), *end = in(2);
    T* out = reinterpret_cast<T*>(s.out);
    for (std::size_t i = 0; i < s.count; ++i) {
      const random_numbers w = integers_between(least[i], end[i], what_.of);
      const std::uint64_t n = integer_at({what_.seed, what_.stream}, static_cast<std::uint64_t>(numbers[i]), w.most);
      out[i] = static_cast<T>(static_cast<std::uint64_t>(w.least) + n);
    }
  }
  void encode(encoder& e) const override { weft::encode(e, what_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("random"); }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    const auto w = weft::decode<what>(d);
    if (w.of.item != sizeof(T)) d.fail("random numbers", "they are of elements of another kind");
    return std::make_shared<const integers_by_kernel>(w);
  }
  static inline const code_entry entry_{&integers_by_kernel::make};

  const what what_;
};

/// The chunks of what has these parameters, which must broadcast to its extents.
grid chunks_of(const client& c, const drawn_chunks& how, element e, std::span<const array_ref> given) {
  const array_ref* like = nullptr;
  for (const array_ref& x : given) {
    common_client(c, owner_of(*x));
    const grid& own = grid_of(*x);
    const std::size_t before = how.extents.size() - std::min<std::size_t>(own.rank, how.extents.size());
    bool fits = own.rank <= how.extents.size(), whole = own.rank == how.extents.size();
    for (std::size_t a = 0; fits && a < own.rank; ++a) {
      const std::int64_t n = own.axes[a].extent, wanted = how.extents[a + before];
      fits = n == wanted || n == 1;
      whole = whole && n == wanted;
    }
    if (!fits)
      throw misuse("weft: random numbers of shape " + weft::to_string(how.extents) +
                   " with a parameter for each, which has the shape " + to_string(own) +
                   ": give one that broadcasts to that of the numbers");
    if (whole && !like) like = &x;
  }
  if (like && how.chunk.size() == 0) return in_possible_chunks(grid_of(**like), e.item);
  return make_grid(how.extents, how.chunk, how.bytes, e.item);
}
std::vector<array_ref> arrays_of(const std::vector<drawn_parameter>& given) {
  std::vector<array_ref> all;
  for (const drawn_parameter& p : given)
    if (p.array) all.push_back(p.array);
  return all;
}
std::uint8_t bits_of(const std::vector<drawn_parameter>& given) noexcept {
  std::uint8_t bits = 0;
  for (std::size_t i = 0; i < given.size(); ++i)
    if (given[i].array) bits = static_cast<std::uint8_t>(bits | 1u << i);
  return bits;
}
/// The numbers of elements, and what else the kernel reads.
array_ref of_numbers_and(const client& c, element e, const grid& chunks, std::vector<array_ref> given,
                         any_code<kernel> what) {
  const std::uint32_t all = (1u << chunks.rank) - 1;
  given.insert(given.begin(), make_index(c, chunks, 0, place_steps(chunks, all)));
  return make_elementwise(c, e, chunks, std::move(given), std::move(what));
}

}  // namespace

array_ref make_drawn_by(const client& c, element e, const drawn_chunks& how, const drawn_numbers& which,
                        std::vector<drawn_parameter> given) {
  drawn_numbers w = which;
  double* const values[] = {&w.a, &w.b, &w.c};
  for (std::size_t i = 0; i < given.size(); ++i) {
    *values[i] = given[i].value;
    const std::string fault = given[i].array ? std::string() : fault_of_parameter(w.of, i, given[i].value);
    if (!fault.empty()) throw misuse("weft: " + fault);
  }
  std::vector<array_ref> all = arrays_of(given);
  const grid chunks = chunks_of(c, how, e, all);
  const auto of = [&]<class T>(T) {
    using kernel_of = drawn_by_kernel<T>;
    return any_code<kernel>(std::make_shared<const kernel_of>(typename kernel_of::what{w, bits_of(given), e}));
  };
  return of_numbers_and(c, e, chunks, std::move(all), with_kernel_type(e.type, of));
}

array_ref make_random_by(const client& c, element e, const drawn_chunks& how, const random_numbers& which,
                         std::vector<drawn_parameter> given) {
  std::vector<array_ref> all = arrays_of(given);
  const grid chunks = chunks_of(c, how, e, all);
  all.insert(all.begin(), make_random(c, e, chunks, which));
  const double a = given[0].value, b = given.size() > 1 ? given[1].value : 0;
  const std::uint8_t bits = bits_of(given);
  // Of a number the array may be such that all is well, or not.
  const double any_a = (bits & 1) != 0 ? (which.of == distribution::uniform ? b : 0) : a;
  const double any_b = (bits & 2) != 0 ? (which.of == distribution::uniform ? a : 0) : b;
  if (const char* fault = fault_of_stretch(which.of, any_a, any_b))
    throw misuse("weft: " + std::string(name_of(which.of)) + " with a parameter " +
                 std::to_string((bits & 1) != 0 ? b : a) + ": " + fault);
  const auto of = [&]<class T>(T) {
    using kernel_of = stretched_kernel<T>;
    return any_code<kernel>(std::make_shared<const kernel_of>(typename kernel_of::what{which.of, a, b, bits}));
  };
  return make_elementwise(c, e, chunks, std::move(all), e.type == dtype::f32 ? of(float{}) : of(double{}));
}

void check_bound(std::uint64_t bound) {
  if (bound > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    throw misuse("weft: integers with a bound " + std::to_string(bound) + ": give what an int64 holds");
}

array_ref make_integers_by(const client& c, element e, const drawn_chunks& how, const random_numbers& which,
                           array_ref least, array_ref end) {
  std::vector<array_ref> all{std::move(least), std::move(end)};
  const grid chunks = chunks_of(c, how, e, all);
  const auto of = [&]<class T>(T) -> any_code<kernel> {
    if constexpr (std::is_integral_v<T>) {
      using kernel_of = integers_by_kernel<T>;
      return any_code<kernel>(
          std::make_shared<const kernel_of>(typename kernel_of::what{which.seed, which.stream, e}));
    } else {
      return {};
    }
  };
  return of_numbers_and(c, e, chunks, std::move(all), with_kernel_type(e.type, of));
}

}  // namespace weft::detail::arrays
