// Quantiles: elements of sorted lines, and samples with weights.
#include "weft/detail/array/quantiles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "array/samples.hpp"
#include "weft/detail/array/orders.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Stands for `weight` elements.
struct sample {
  double value, weight;
};

/// Sorted samples. Where there are more than most_samples they are thinned out: each that stays stands for the same
/// part of the weight, and is that which was in the middle of its part. So the weight of those up to some value
/// changes by half a part at most. The first and the last stay as well, and weigh nothing.
class sample_digest final : public digest {
 public:
  explicit sample_digest(std::vector<double> q) : q_(std::move(q)) {}

  block of_chunk(const block& x) const override {
    if (x.of().item != sizeof(double)) throw std::logic_error("weft: a task that samples numbers was given others");
    block all(x.of(), {x.count()});
    std::copy_n(x.data<double>(), x.count(), all.data<double>());
    sort_run(all.data<double>(), all.count());
    std::vector<sample> samples;
    samples.reserve(all.count());
    for (std::size_t i = 0; i < all.count(); ++i) samples.push_back({all.data<double>()[i], 1});
    return thinned(samples);
  }
  block merge(values<block> parts) const override {
    std::vector<sample> all, both;
    for (const block& part : parts) {
      if (part.of().item != sizeof(sample))
        throw std::logic_error("weft: samples of other numbers than a task's own were given to it");
      const auto* first = part.data<sample>();
      both.clear();
      std::merge(all.begin(), all.end(), first, first + part.count(), std::back_inserter(both), earlier);
      all.swap(both);
    }
    return thinned(all);
  }
  block finish(block all) const override {
    block found(element_of<double>, {q_.size()});
    const sample* const samples = all.data<sample>();
    const std::size_t n = all.count();
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) total += samples[i].weight;
    for (std::size_t k = 0; k < q_.size(); ++k) {
      std::size_t i = q_[k] == 1 ? n - 1 : 0;
      double up_to = n == 0 ? 0 : samples[0].weight;
      while (i + 1 < n && up_to < q_[k] * total) up_to += samples[++i].weight;
      const bool some_nan = n == 0 || std::isnan(samples[n - 1].value);
      found.data<double>()[k] = some_nan ? std::numeric_limits<double>::quiet_NaN() : samples[i].value;
    }
    return found;
  }
  void encode(encoder& e) const override { weft::encode(e, q_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("sample"); }

 private:
  static constexpr std::size_t most_samples = 4096;

  static bool earlier(const sample& a, const sample& b) { return arrays::before(a.value, b.value); }
  static block thinned(const std::vector<sample>& all) {
    if (all.size() <= most_samples) return block_of(all);
    double total = 0;
    for (const sample& s : all) total += s.weight;
    const double part = total / static_cast<double>(most_samples);
    std::vector<sample> kept{{all.front().value, 0}};
    double up_to = 0;
    for (const sample& s : all) {
      up_to += s.weight;
      // The middles of parts that this one covers.
      while (kept.size() <= most_samples && (static_cast<double>(kept.size()) - 0.5) * part <= up_to)
        kept.push_back({s.value, part});
    }
    while (kept.size() <= most_samples) kept.push_back({all.back().value, part});  // rounding may leave the last one
    kept.push_back({all.back().value, 0});
    return block_of(kept);
  }
  static block block_of(const std::vector<sample>& all) {
    block b(element_of<sample>, {all.size()});
    std::copy(all.begin(), all.end(), b.data<sample>());
    return b;
  }
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const sample_digest>(weft::decode<std::vector<double>>(d));
  }
  static inline const code_entry entry_{&sample_digest::make};

  const std::vector<double> q_;
};

}  // namespace

any_code<digest> sampler_of(std::vector<double> q) {
  return any_code<digest>(std::make_shared<const sample_digest>(std::move(q)));
}

void check_quantile(double q) {
  if (!(q >= 0 && q <= 1))
    throw misuse("weft: quantile " + std::to_string(q) +
                 ": give a number from 0 to 1, or a percentile from 0 to 100");
}

array_ref sampled_quantiles(array_ref x, std::vector<double> q) {
  for (const double each : q) check_quantile(each);
  const std::uint32_t all = axes_mask(grid_of(*x), nullptr, 0);
  check_not_empty(grid_of(*x), all, "approximate_quantile");
  grid chunks;
  chunks.rank = 1;
  chunks.axes[0] = one_chunk(static_cast<std::int64_t>(q.size()));
  return make_digest(std::move(x), element_of<double>, chunks, all, sampler_of(std::move(q)));
}

}  // namespace weft::detail::arrays
