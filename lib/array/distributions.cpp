// Random numbers of distributions with parameters, as operations on the numbers of elements.
#include "weft/detail/array/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "array/drawn.hpp"
#include "array/numbered.hpp"
#include "array/philox.hpp"
#include "array/runs.hpp"
#include "array/samplers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// What a parameter may be. All are finite.
enum class range : std::uint8_t {
  unused,
  any,
  not_below_0,
  whole,
  above_0,
  not_tiny,
  above_1,
  probability,
  above_0_probability,
  below_1_probability
};
struct parameter {
  const char* name = "";
  range of = range::unused;
};
struct distribution_kind {
  const char* name;
  parameter a = {}, b = {}, c = {};
};
/// In the order of distribution_name.
constexpr distribution_kind kinds[] = {
    {"gamma", {"shape", range::above_0}, {"scale", range::not_below_0}},
    {"beta", {"a", range::not_tiny}, {"b", range::not_tiny}},
    {"chisquare", {"df", range::above_0}},
    {"f", {"dfnum", range::above_0}, {"dfden", range::above_0}},
    {"standard_t", {"df", range::above_0}},
    {"standard_cauchy"},
    {"lognormal", {"mean", range::any}, {"sigma", range::not_below_0}},
    {"laplace", {"loc", range::any}, {"scale", range::not_below_0}},
    {"logistic", {"loc", range::any}, {"scale", range::not_below_0}},
    {"gumbel", {"loc", range::any}, {"scale", range::not_below_0}},
    {"pareto", {"a", range::above_0}},
    {"weibull", {"a", range::above_0}},
    {"power", {"a", range::above_0}},
    {"rayleigh", {"scale", range::not_below_0}},
    {"triangular", {"left", range::any}, {"mode", range::any}, {"right", range::any}},
    {"vonmises", {"mu", range::any}, {"kappa", range::not_below_0}},
    {"noncentral_chisquare", {"df", range::above_0}, {"nonc", range::not_below_0}},
    {"noncentral_f", {"dfnum", range::above_0}, {"dfden", range::above_0}, {"nonc", range::not_below_0}},
    {"wald", {"mean", range::above_0}, {"scale", range::above_0}},
    {"poisson", {"lam", range::not_below_0}},
    {"binomial", {"n", range::whole}, {"p", range::probability}},
    {"geometric", {"p", range::above_0_probability}},
    {"negative_binomial", {"n", range::above_0}, {"p", range::above_0_probability}},
    {"hypergeometric", {"ngood", range::whole}, {"nbad", range::whole}, {"nsample", range::whole}},
    {"zipf", {"a", range::above_1}},
    {"logseries", {"p", range::below_1_probability}},
};
static_assert(std::size(kinds) == static_cast<std::size_t>(distribution_name::logseries) + 1);
const distribution_kind& kind_of(distribution_name d) noexcept { return kinds[static_cast<std::size_t>(d)]; }

/// So that no logarithm of a number's power by 1 / x is beyond what a double holds.
constexpr double least_exponent = 1e-300;

bool lies_in(range r, double x) noexcept {
  switch (r) {
    case range::unused:
      return true;
    case range::any:
      return std::isfinite(x);
    case range::not_below_0:
      return x >= 0 && std::isfinite(x);
    case range::whole:
      return x >= 0 && std::isfinite(x) && x == std::floor(x);
    case range::above_0:
      return x > 0 && std::isfinite(x);
    case range::not_tiny:
      return x >= least_exponent && std::isfinite(x);
    case range::above_1:
      return x > 1 && std::isfinite(x);
    case range::probability:
      return x >= 0 && x <= 1;
    case range::below_1_probability:
      return x >= 0 && x < 1;
    default:
      return x > 0 && x <= 1;
  }
}
const char* wanted(range r) noexcept {
  switch (r) {
    case range::any:
      return "give a finite number";
    case range::not_below_0:
      return "give a finite number, 0 or more";
    case range::whole:
      return "give a whole number, 0 or more";
    case range::not_tiny:
      return "give a finite number, 1e-300 or more";
    case range::above_0:
      return "give a finite number above 0";
    case range::above_1:
      return "give a finite number above 1";
    case range::probability:
      return "give a number from 0 to 1";
    case range::below_1_probability:
      return "give a number from 0 up to, but without, 1";
    default:
      return "give a number above 0, up to 1";
  }
}

std::string text_of(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

/// Doubles count up to here.
constexpr double most_counted = 0x1p52;

/// Above what may be drawn, of counts. Poisson's and binomial numbers are drawn by comparing 52 bits, so that none is
/// drawn whose probability is much smaller than 2^-52: twelve deviations, and some numbers where the mean is small.
/// So it is with gamma numbers, which are the means of negative binomial ones.
double largest(const drawn_numbers& w) noexcept {
  const auto of_poisson = [](double mean) { return mean + 12 * std::sqrt(mean) + 40; };
  switch (w.of) {
    case distribution_name::poisson:
      return of_poisson(w.a);
    case distribution_name::binomial:
      return w.a;
    case distribution_name::geometric:
      return w.a < 1 ? 37 / -std::log1p(-w.a) + 1 : 1;
    case distribution_name::negative_binomial:
      return of_poisson((w.a + 12 * std::sqrt(w.a) + 50) * (1 - w.b) / w.b);
    case distribution_name::zipf:
      return 1;  // what is too large is drawn again
    case distribution_name::logseries:
      return w.a > 0 ? 37 / -std::log1p(w.a - 1) + 2 : 1;
    default:  // hypergeometric
      return std::min(w.a, w.c);
  }
}
/// `binomial with n 3 and p 0.5`
std::string described(const distribution_kind& kind, const drawn_numbers& w) {
  std::string text = std::string(kind.name) + " with " + kind.a.name + " " + text_of(w.a);
  if (kind.b.of != range::unused) text += std::string(" and ") + kind.b.name + " " + text_of(w.b);
  return text;
}

}  // namespace

std::size_t parameters_of(distribution_name of) noexcept {
  const distribution_kind& kind = kind_of(of);
  std::size_t n = 0;
  for (const parameter& p : {kind.a, kind.b, kind.c}) n += p.of != range::unused;
  return n;
}
const char* name_of(distribution_name of) noexcept { return kind_of(of).name; }
bool is_count(distribution_name of) noexcept { return of >= distribution_name::poisson; }

std::string fault_of_parameter(distribution_name of, std::size_t which, double value) {
  const distribution_kind& kind = kind_of(of);
  const parameter& p = which == 0 ? kind.a : which == 1 ? kind.b : kind.c;
  if (lies_in(p.of, value)) return {};
  return std::string(kind.name) + " with " + p.name + " " + text_of(value) + ": " + wanted(p.of);
}
std::string fault_of(const drawn_numbers& w) {
  if (w.of > distribution_name::logseries) return "there is no such distribution";
  const distribution_kind& kind = kind_of(w.of);
  const double values[] = {w.a, w.b, w.c};
  for (std::size_t i = 0; i < parameters_of(w.of); ++i) {
    std::string fault = fault_of_parameter(w.of, i, values[i]);
    if (!fault.empty()) return fault;
  }
  const double nonc = w.of == distribution_name::noncentral_chisquare ? w.b
                      : w.of == distribution_name::noncentral_f       ? w.c
                                                                      : 0;
  if (nonc > most_counted) return std::string(kind.name) + " with nonc " + text_of(nonc) + ": give 2^52 or less";
  if (w.of == distribution_name::triangular && !(w.a <= w.b && w.b <= w.c && w.a < w.c && std::isfinite(w.c - w.a)))
    return "triangular from " + text_of(w.a) + " over " + text_of(w.b) + " to " + text_of(w.c) +
           ": give left <= mode <= right, and left < right";
  if (is_count(w.of) && !(largest(w) <= most_counted))
    return described(kind, w) + ": its numbers may be beyond 2^52, up to which they are counted";
  if (w.of == distribution_name::hypergeometric) {
    if (!(w.a + w.b <= most_counted)) return described(kind, w) + ": give 2^52 together, or fewer";
    if (w.c > w.a + w.b)
      return described(kind, w) + ": give an nsample that is no more than both together, instead of " + text_of(w.c);
  }
  return {};
}

double most_of(element e) noexcept {
  const bool natural = e.type >= dtype::u8 && e.type <= dtype::u64;
  return std::min(std::ldexp(1.0, static_cast<int>(8 * e.item) - (natural ? 0 : 1)) - 1, most_counted);
}
void check_fits(const drawn_numbers& w, double most, dtype t) {
  const double n = largest(w);
  if (n >= most + 1 && most < most_counted)
    throw misuse("weft: numbers of " + std::string(name_of(w.of)) + " that may come near " + text_of(n) +
                 " do not fit in elements of " + weft::to_string(t));
}

namespace {

template <class T>
class drawn_kernel final : public kernel {
 public:
  explicit drawn_kernel(const drawn_numbers& w) : which_(w) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return items.size() == 1 && items[0] == sizeof(std::int64_t) && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const auto* numbers = reinterpret_cast<const std::int64_t*>(s.in[0]);
    T* out = reinterpret_cast<T*>(s.out);
    for_each_run(numbers, s.count, [&](std::uint64_t first, std::size_t at, std::size_t n) {
      sample(which_, first, std::span<T>(out + at, n));
    });
  }
  void encode(encoder& e) const override { weft::encode(e, which_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(name_of(which_.of));
  }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    const auto w = weft::decode<drawn_numbers>(d);
    const std::string fault = fault_of(w);
    if (!fault.empty()) d.fail("random numbers", fault);
    if (w.of == distribution_name::zipf && !(w.c >= 1)) d.fail("random numbers", "they have no limit");
    if (is_count(w.of) != std::is_integral_v<T>) d.fail("random numbers", "they are of elements of another kind");
    return std::make_shared<const drawn_kernel>(w);
  }
  static inline const code_entry entry_{&drawn_kernel::make};

  const drawn_numbers which_;
};

/// What is wrong with probabilities; their sum may be off as far as NumPy allows it.
std::string fault_of(const std::vector<double>& p) {
  if (p.empty()) return "no probability: give one at least";
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!(p[i] >= 0 && p[i] <= 1))
      return "probability " + std::to_string(i) + " is " + text_of(p[i]) + ": give numbers from 0 to 1";
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  if (!(std::abs(sum - 1) <= 1.5e-8)) return "probabilities whose sum is " + text_of(sum) + ": give 1 in all";
  return {};
}
void check_probabilities(const char* what, const std::vector<double>& p) {
  const std::string fault = fault_of(p);
  if (!fault.empty()) throw misuse("weft: " + std::string(what) + " with " + fault);
}

/// What is wrong with the parameters of a row.
std::string fault_of_alpha(const std::vector<double>& alpha) {
  constexpr double least = 1e-300, most = 1e300;  // so that no logarithm, and no sum, is beyond what a double holds
  if (alpha.empty()) return "no alpha: give one at least";
  for (std::size_t i = 0; i < alpha.size(); ++i)
    if (alpha[i] != 0 && !(alpha[i] >= least && alpha[i] <= most))
      return "alpha " + std::to_string(i) + " " + text_of(alpha[i]) +
             ": give finite numbers from 1e-300 on, or 0 where there is no share";
  if (std::all_of(alpha.begin(), alpha.end(), [](double a) { return a == 0; }))
    return "alphas that are all 0: give one above 0 at least";
  if (!(std::accumulate(alpha.begin(), alpha.end(), 0.0) <= most)) return "alphas whose sum is beyond 1e300";
  return {};
}

/// Rows of numbers along the last axis, of which each is drawn as a whole. `Rows` says how, and what is wrong with
/// it.
template <class T, class Rows>
class rows_kernel final : public kernel {
 public:
  explicit rows_kernel(Rows w) : which_(std::move(w)) {}

  bool takes(std::span<const std::uint32_t> items, std::uint32_t out) const noexcept override {
    return items.size() == 1 && items[0] == sizeof(std::int64_t) && out == sizeof(T);
  }
  void run(const strip& s) const override {
    const auto* numbers = reinterpret_cast<const std::int64_t*>(s.in[0]);
    T* out = reinterpret_cast<T*>(s.out);
    std::vector<double> room;
    for_each_run(numbers, s.count, [&](std::uint64_t first, std::size_t at, std::size_t n) {
      which_.draw(first, std::span<T>(out + at, n), room);
    });
  }
  void encode(encoder& e) const override { weft::encode(e, which_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back(Rows::name); }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    auto w = weft::decode<Rows>(d);
    const std::string fault = w.fault();
    if (!fault.empty()) d.fail("random numbers", fault);
    return std::make_shared<const rows_kernel>(std::move(w));
  }
  static inline const code_entry entry_{&rows_kernel::make};

  const Rows which_;
};

struct rows_of_shares {
  static constexpr const char* name = "dirichlet";
  std::vector<double> alpha = {};
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::string fault() const { return fault_of_alpha(alpha); }
  template <class T>
  void draw(std::uint64_t first, std::span<T> out, std::vector<double>& room) const {
    room.resize(alpha.size());
    sample_dirichlet(alpha, seed, stream, room, first, out);
  }
};
struct categories {
  static constexpr const char* name = "multinomial";
  std::int64_t n = 0;
  std::vector<double> p = {};
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::string fault() const {
    const bool too_many = n < 0 || static_cast<double>(n) > most_counted;
    std::string wrong = fault_of(p);
    return wrong.empty() && too_many ? "there cannot be so many" : wrong;
  }
  void draw(std::uint64_t first, std::span<std::int64_t> out, std::vector<double>&) const {
    sample_multinomial(n, p, seed, stream, first, out);
  }
};

/// What is wrong with things of several kinds, of which some are taken.
std::string fault_of_kinds(const std::vector<std::int64_t>& colors, std::int64_t nsample) {
  if (colors.empty()) return "no colors: give one at least";
  double all = 0;
  for (std::size_t i = 0; i < colors.size(); ++i) {
    if (colors[i] < 0) return "color " + std::to_string(i) + " " + std::to_string(colors[i]) + ": give 0 or more";
    all += static_cast<double>(colors[i]);
  }
  if (!(all <= most_counted)) return "colors that come to more than 2^52 together";
  if (nsample < 0 || static_cast<double>(nsample) > all)
    return "nsample " + std::to_string(nsample) + ": give 0 or more, up to all of them, " + text_of(all);
  return {};
}
struct kinds_taken {
  static constexpr const char* name = "multivariate_hypergeometric";
  std::vector<std::int64_t> colors = {};
  std::int64_t nsample = 0;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::string fault() const { return fault_of_kinds(colors, nsample); }
  void draw(std::uint64_t first, std::span<std::int64_t> out, std::vector<double>&) const {
    sample_kinds(colors, nsample, seed, stream, first, out);
  }
};
struct normal_vectors {
  static constexpr const char* name = "multivariate_normal";
  std::vector<double> mean = {}, factor = {};  // mean.size() rows
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::string fault() const {
    return mean.empty() || factor.size() % mean.size() != 0 ? "a factor of another number of rows" : "";
  }
  template <class T>
  void draw(std::uint64_t first, std::span<T> out, std::vector<double>& room) const {
    room.resize(factor.size() / mean.size());
    sample_vectors(mean, factor, seed, stream, room, first, out);
  }
};

}  // namespace

array_ref make_drawn(const client& c, element e, const grid& chunks, const drawn_numbers& which) {
  const std::string fault = fault_of(which);
  if (!fault.empty()) throw misuse("weft: " + fault);
  drawn_numbers w = which;
  if (is_count(w.of)) check_fits(w, most_of(e), e.type);
  if (w.of == distribution_name::zipf) w.c = most_of(e);
  return of_numbers(c, e, chunks, kernel_for<drawn_kernel>(e.type, w));
}

array_ref make_multinomial(const client& c, const grid& chunks, std::int64_t n, std::vector<double> p,
                           std::uint64_t seed, std::uint32_t stream) {
  check_probabilities("multinomial", p);
  if (n < 0 || static_cast<double>(n) > most_counted)
    throw misuse("weft: multinomial with n " + std::to_string(n) + ": give 0 or more, up to 2^52");
  categories w{n, std::move(p), seed, stream};
  return of_numbers(c, element_of<std::int64_t>, chunks,
                    any_code<kernel>(std::make_shared<const rows_kernel<std::int64_t, categories>>(std::move(w))));
}

array_ref make_dirichlet(const client& c, element e, const grid& chunks, std::vector<double> alpha,
                         std::uint64_t seed, std::uint32_t stream) {
  const std::string fault = fault_of_alpha(alpha);
  if (!fault.empty()) throw misuse("weft: dirichlet with " + fault);
  rows_of_shares w{std::move(alpha), seed, stream};
  const auto of = [&]<class T>(T) {
    return of_numbers(c, e, chunks,
                      any_code<kernel>(std::make_shared<const rows_kernel<T, rows_of_shares>>(std::move(w))));
  };
  return e.type == dtype::f32 ? of(float{}) : of(double{});
}

array_ref make_kinds(const client& c, const grid& chunks, std::vector<std::int64_t> colors, std::int64_t nsample,
                     std::uint64_t seed, std::uint32_t stream) {
  const std::string fault = fault_of_kinds(colors, nsample);
  if (!fault.empty()) throw misuse("weft: multivariate_hypergeometric with " + fault);
  kinds_taken w{std::move(colors), nsample, seed, stream};
  return of_numbers(c, element_of<std::int64_t>, chunks,
                    any_code<kernel>(std::make_shared<const rows_kernel<std::int64_t, kinds_taken>>(std::move(w))));
}

array_ref make_vectors(const client& c, element e, const grid& chunks, std::vector<double> mean,
                       std::span<const double> covariance, std::uint64_t seed, std::uint32_t stream) {
  const std::size_t n = mean.size();
  const auto fail = [](const std::string& why) { throw misuse("weft: multivariate_normal with " + why); };
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isfinite(mean[i])) fail("mean " + std::to_string(i) + " " + text_of(mean[i]) + ": give finite numbers");
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double own = covariance[i * n + j], other = covariance[j * n + i];
      if (std::isfinite(own) && std::abs(own - other) <= 1e-8 + 1e-8 * std::abs(other)) continue;
      fail("a covariance of (" + std::to_string(i) + ", " + std::to_string(j) + ") " + text_of(own) +
           (std::isfinite(own) ? " and the other way round " + text_of(other) + ": give a symmetric matrix"
                               : ": give finite numbers"));
    }
  std::optional<std::vector<double>> factor = factor_of(covariance, n);
  if (!factor)
    fail("a matrix of " + std::to_string(n) + " by " + std::to_string(n) +
         " that is no covariance: some sum of its variables has a variance below 0");
  normal_vectors w{std::move(mean), std::move(*factor), seed, stream};
  const auto of = [&]<class T>(T) {
    return of_numbers(c, e, chunks,
                      any_code<kernel>(std::make_shared<const rows_kernel<T, normal_vectors>>(std::move(w))));
  };
  return e.type == dtype::f32 ? of(float{}) : of(double{});
}

weft::shape with_categories(const char* what, const weft::shape& extents, std::size_t count) {
  if (extents.size() == most_axes) throw misuse("weft: " + std::string(what) + " numbers of more than 8 axes");
  weft::shape all = weft::shape::of_rank(extents.size() + 1);
  std::copy(extents.begin(), extents.end(), &all[0]);
  all[extents.size()] = static_cast<std::int64_t>(count);
  return all;
}

void check_covariance(std::size_t variables, std::size_t rows, std::size_t columns) {
  if (variables == 0) throw misuse("weft: multivariate_normal with no mean: give one at least");
  if (rows != variables || columns != variables)
    throw misuse("weft: multivariate_normal with " + std::to_string(variables) + " means and a covariance of " +
                 std::to_string(rows) + " by " + std::to_string(columns) + ": give a row and a column for each");
}

void check_choice(std::int64_t n, const std::vector<double>& p) {
  check_probabilities("choice", p);
  if (p.size() != static_cast<std::size_t>(n))
    throw misuse("weft: choice among " + std::to_string(n) + " with " + std::to_string(p.size()) +
                 " probabilities: give one for each");
}
void throw_no_choice(std::int64_t n) {
  throw misuse("weft: choice among " + std::to_string(n) + ": give one at least");
}
std::vector<double> cumulated(const std::vector<double>& p) {
  std::vector<double> sums(p.size());
  std::partial_sum(p.begin(), p.end(), sums.begin());
  const double all = sums.back();
  for (double& s : sums) s /= all;
  return sums;
}

void check_scale(const char* what, const char* name, double value, bool negative_too) {
  const range r = negative_too ? range::any : range::not_below_0;
  if (!lies_in(r, value))
    throw misuse("weft: " + std::string(what) + " with " + name + " " + text_of(value) + ": " + wanted(r));
}

std::vector<std::int64_t> permuted(std::int64_t n, std::uint64_t seed, std::uint32_t stream) {
  std::vector<std::uint64_t> keys(static_cast<std::size_t>(n));
  philox::integers({seed, stream}, 0, std::numeric_limits<std::uint64_t>::max() - 1, keys);
  std::vector<std::int64_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    const std::uint64_t k = keys[static_cast<std::size_t>(i)], l = keys[static_cast<std::size_t>(j)];
    return k != l ? k < l : i < j;
  });
  return order;
}

}  // namespace weft::detail::arrays
