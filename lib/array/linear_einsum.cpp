// Einstein's sums: a string of subscripts, and the products that it comes to.
#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

/// Axes that `...` stands for are named from here on, counted from behind.
constexpr int rest_from = 256;

[[noreturn]] void throw_einsum(std::string_view subscripts, const std::string& why) {
  throw misuse("weft: einsum(\"" + std::string(subscripts) + "\"): " + why);
}
std::string name_of(int label) {
  return label >= rest_from ? "an axis of `...`" : std::string("axis `") + static_cast<char>(label) + "`";
}

/// One part between commas; `...` is the label -1.
labels parse_part(std::string_view all, std::string_view part) {
  labels found;
  bool has_rest = false;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto c = static_cast<unsigned char>(part[i]);
    if (c == ' ') continue;
    if (part.substr(i, 3) == "...") {
      if (has_rest) throw_einsum(all, "`...` stands twice in one part");
      has_rest = true;
      found.push_back(-1);
      i += 2;
    } else if (std::isalpha(c)) {
      found.push_back(c);
    } else {
      throw_einsum(all, std::string("`") + part[i] + "` is no name of an axis; these are letters, or `...`");
    }
  }
  return found;
}

labels with_rest(const labels& part, std::uint32_t rest) {
  labels all;
  for (const int l : part) {
    if (l != -1) all.push_back(l);
    for (std::uint32_t i = rest; l == -1 && i-- > 0;) all.push_back(rest_from + static_cast<int>(i));
  }
  return all;
}

bool has(const labels& of, int label) { return std::find(of.begin(), of.end(), label) != of.end(); }

struct subscripts_of {
  std::vector<labels> in;
  labels out;
};

subscripts_of parse(std::string_view text, std::span<const array_ref> operands) {
  subscripts_of s;
  const std::size_t arrow = text.find("->");
  std::string_view inputs = text.substr(0, arrow);
  std::vector<labels> parts;
  for (bool more = true; more;) {
    const std::size_t comma = inputs.find(',');
    parts.push_back(parse_part(text, inputs.substr(0, comma)));
    more = comma != std::string_view::npos;
    if (more) inputs.remove_prefix(comma + 1);
  }
  if (parts.size() != operands.size())
    throw_einsum(text, "it names the axes of " + std::to_string(parts.size()) + " arrays, and is given " +
                           std::to_string(operands.size()));
  std::uint32_t longest = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const std::uint32_t rank = operands[p]->chunks.rank;
    const bool open = has(parts[p], -1);
    const auto named = static_cast<std::uint32_t>(parts[p].size() - (open ? 1 : 0));
    if (open ? named > rank : named != rank)
      throw_einsum(text, "part " + std::to_string(p + 1) + " names " + std::to_string(named) +
                             " axes, and the array has shape " + shape_text(*operands[p]));
    if (open) longest = std::max(longest, rank - named);
    s.in.push_back(with_rest(parts[p], rank - named));
  }
  if (arrow != std::string_view::npos) {
    const labels out = parse_part(text, text.substr(arrow + 2));
    if (longest != 0 && !has(out, -1))
      throw_einsum(text, "axes of `...` are not summed over: the part after `->` needs it too");
    s.out = with_rest(out, longest);
    for (std::size_t i = 0; i < s.out.size(); ++i) {
      const int l = s.out[i];
      if (std::count(s.out.begin(), s.out.end(), l) != 1) throw_einsum(text, name_of(l) + " stands twice after `->`");
      if (std::none_of(s.in.begin(), s.in.end(), [&](const labels& in) { return has(in, l); }))
        throw_einsum(text, name_of(l) + " stands after `->`, and before it no array has it");
    }
  } else {
    labels seen;
    for (const labels& in : s.in) seen.insert(seen.end(), in.begin(), in.end());
    std::sort(seen.begin(), seen.end());
    for (std::uint32_t i = longest; i-- > 0;) s.out.push_back(rest_from + static_cast<int>(i));
    for (const int l : seen)
      if (l < rest_from && std::count(seen.begin(), seen.end(), l) == 1) s.out.push_back(l);
  }
  return s;
}

/// Where an array has a name twice, its diagonal.
void take_diagonals(std::string_view text, array_ref& x, labels& of) {
  labels once;
  view_map map;
  map.rank = x->chunks.rank;
  grid chunks;
  for (std::uint32_t a = 0; a < map.rank; ++a) {
    const auto at = std::find(once.begin(), once.end(), of[a]);
    const auto own = static_cast<std::uint32_t>(at - once.begin());
    map.axes[a] = {static_cast<std::int32_t>(own), 0, 1};
    if (at == once.end()) {
      once.push_back(of[a]);
      chunks.axes[chunks.rank++] = x->chunks.axes[a];
    } else if (chunks.axes[own].extent != x->chunks.axes[a].extent) {
      throw_einsum(text, name_of(of[a]) + " stands twice for an array of shape " + shape_text(*x) + ", once of " +
                             std::to_string(chunks.axes[own].extent) + " elements and once of " +
                             std::to_string(x->chunks.axes[a].extent));
    }
  }
  if (once.size() == of.size()) return;
  x = make_view(std::move(x), map, chunks);
  of = std::move(once);
}

void check_extents(std::string_view text, const subscripts_of& s, std::span<const array_ref> operands) {
  for (std::size_t p = 0; p < operands.size(); ++p)
    for (std::size_t q = 0; q < p; ++q)
      for (std::size_t a = 0; a < s.in[p].size(); ++a)
        for (std::size_t b = 0; b < s.in[q].size(); ++b) {
          const std::int64_t n = operands[p]->chunks.axes[a].extent, m = operands[q]->chunks.axes[b].extent;
          if (s.in[p][a] != s.in[q][b] || n == m || n == 1 || m == 1) continue;
          throw_einsum(text, name_of(s.in[p][a]) + " has " + std::to_string(m) + " elements in an array of shape " +
                                 to_string(operands[q]->chunks) + ", and " + std::to_string(n) + " in one of shape " +
                                 to_string(operands[p]->chunks));
        }
}

/// Two that are multiplied, by their numbers: operands, and behind these what was made before, in that order.
struct pair_of {
  std::size_t left, right;
};

/// The cheapest order for operands of which there are few: over all sets of them, from small to large, by which two
/// parts a set takes the fewest multiplications. What a set comes to is the same by any of them, so that the parts'
/// own cheapest orders are those of the set: as multi_dot's, with sets in the place of intervals (Smith and Gray,
/// "opt_einsum", Journal of Open Source Software 3 (2018) 753). 3^operands steps.
class cheapest_order {
 public:
  cheapest_order(const subscripts_of& s, std::span<const array_ref> operands)
      : count_(operands.size()), sets_(std::size_t{1} << count_) {
    labels names;
    for (const labels& in : s.in)
      for (const int l : in)
        if (!has(names, l)) names.push_back(l);
    const auto bits_of = [&](const labels& some) {
      std::uint64_t bits = 0;
      for (std::size_t k = 0; k < names.size(); ++k) bits |= std::uint64_t{has(some, names[k])} << k;
      return bits;
    };
    const std::uint64_t result = bits_of(s.out);
    std::vector<std::uint64_t> own;
    for (const labels& in : s.in) own.push_back(bits_of(in));
    std::vector<double> extents;
    for (std::size_t set = 1; set < sets_.size(); ++set) {
      std::uint64_t outside = result;
      extents.assign(names.size(), 1);
      for (std::size_t p = 0; p < count_; ++p) {
        if ((set >> p & 1) == 0) {
          outside |= own[p];
          continue;
        }
        sets_[set].kept |= own[p];
        for (std::size_t a = 0; a < s.in[p].size(); ++a) {
          const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), s.in[p][a]) - names.begin());
          extents[at] = std::max(extents[at], static_cast<double>(operands[p]->chunks.axes[a].extent));
        }
      }
      sets_[set].kept &= outside;
      if (!std::has_single_bit(set)) find(set, extents);
    }
  }
  std::vector<pair_of> pairs() const {
    std::vector<pair_of> all;
    add(sets_.size() - 1, all);
    return all;
  }

 private:
  struct made {
    std::uint64_t kept = 0;  // that others need, or the result
    double cost = 0;
    std::size_t left = 0;
  };
  /// Of orders that are as cheap, the one from the left. One with more axes than an array may have is none.
  void find(std::size_t set, const std::vector<double>& extents) {
    made& m = sets_[set];
    m.left = set ^ std::bit_floor(set);
    m.cost = std::numeric_limits<double>::infinity();
    if (std::popcount(m.kept) > static_cast<int>(most_axes)) return;
    const std::size_t lowest = set & (~set + 1), others = set ^ lowest;
    const auto look_at = [&](std::size_t left) {
      const made &a = sets_[left], &b = sets_[set ^ left];
      double cost = 1;
      for (std::uint64_t both = a.kept | b.kept; both != 0; both &= both - 1)
        cost *= extents[static_cast<std::size_t>(std::countr_zero(both))];
      cost += a.cost + b.cost;
      if (cost < m.cost) {
        m.cost = cost;
        m.left = left;
      }
    };
    look_at(m.left);
    for (std::size_t rest = others; rest != 0; rest = (rest - 1) & others) look_at(set ^ rest);
  }
  std::size_t add(std::size_t set, std::vector<pair_of>& all) const {
    if (std::has_single_bit(set)) return static_cast<std::size_t>(std::countr_zero(set));
    const std::size_t left = add(sets_[set].left, all), right = add(set ^ sets_[set].left, all);
    all.push_back({left, right});
    return count_ + all.size() - 1;
  }

  std::size_t count_;
  std::vector<made> sets_;
};

/// Of more operands than this there are too many sets: they are multiplied from the left.
constexpr std::size_t most_ordered = 8;

std::vector<pair_of> order_of(const subscripts_of& s, std::span<const array_ref> operands) {
  if (operands.size() <= most_ordered) return cheapest_order(s, operands).pairs();
  std::vector<pair_of> all;
  for (std::size_t p = 1; p < operands.size(); ++p) all.push_back({p == 1 ? 0 : operands.size() + p - 2, p});
  return all;
}

}  // namespace

array_ref einstein_sum(std::string_view text, std::vector<array_ref> operands, element e) {
  subscripts_of s = parse(text, operands);
  for (std::size_t p = 0; p < operands.size(); ++p) take_diagonals(text, operands[p], s.in[p]);
  check_extents(text, s, operands);
  if (operands.size() == 1) {
    // A number 1 beside it makes a sum a product.
    const labels& of = s.in[0];
    array_ref one = ones_of(operands[0]->owner, grid_of_axes({}), e);
    const bool only_order = of.size() == s.out.size();
    if (!only_order) return contract("einsum", std::move(operands[0]), of, std::move(one), {}, s.out, e);
    std::vector<std::int64_t> order;
    for (const int l : s.out) order.push_back(std::find(of.begin(), of.end(), l) - of.begin());
    return transpose_view(std::move(operands[0]), order);
  }
  // What is made of two stands behind all others; these two are gone, and nobody needs their labels.
  std::vector<array_ref> all = operands;
  std::vector<labels> of = s.in;
  for (const pair_of& next : order_of(s, operands)) {
    const labels left = std::exchange(of[next.left], {}), right = std::exchange(of[next.right], {});
    labels out;
    for (const labels* part : {&left, &right})
      for (const int l : *part) {
        const bool needed =
            has(s.out, l) || std::any_of(of.begin(), of.end(), [&](const labels& other) { return has(other, l); });
        if (needed && !has(out, l)) out.push_back(l);
      }
    const bool last = all.size() + 2 == 2 * operands.size();
    all.push_back(contract("einsum", std::move(all[next.left]), left, std::move(all[next.right]), right,
                           last ? s.out : out, e));
    of.push_back(std::move(out));
  }
  return all.back();
}

}  // namespace weft::detail::arrays
