// Einstein's sums: a string of subscripts, and the products that it comes to.
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

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

}  // namespace

array_ref einstein_sum(std::string_view text, std::vector<array_ref> operands, element e) {
  subscripts_of s = parse(text, operands);
  for (std::size_t p = 0; p < operands.size(); ++p) take_diagonals(text, operands[p], s.in[p]);
  check_extents(text, s, operands);
  array_ref all = operands[0];
  labels of = s.in[0];
  if (operands.size() == 1) {
    // A number 1 beside it makes a sum a product.
    array_ref one = ones_of(all->owner, grid_of_axes({}), e);
    const bool only_order = of.size() == s.out.size();
    if (!only_order) return contract("einsum", std::move(all), of, std::move(one), {}, s.out, e);
    std::vector<std::int64_t> order;
    for (const int l : s.out) order.push_back(std::find(of.begin(), of.end(), l) - of.begin());
    return transpose_view(std::move(all), order);
  }
  for (std::size_t p = 1; p < operands.size(); ++p) {
    labels out;
    const auto is_needed = [&](int l) {
      return has(s.out, l) || std::any_of(s.in.begin() + static_cast<std::ptrdiff_t>(p) + 1, s.in.end(),
                                          [&](const labels& later) { return has(later, l); });
    };
    if (p + 1 == operands.size()) {
      out = s.out;
    } else {
      for (const labels* part : {&of, &s.in[p]})
        for (const int l : *part)
          if (is_needed(l) && !has(out, l)) out.push_back(l);
    }
    all = contract("einsum", std::move(all), of, operands[p], s.in[p], out, e);
    of = std::move(out);
  }
  return all;
}

}  // namespace weft::detail::arrays
