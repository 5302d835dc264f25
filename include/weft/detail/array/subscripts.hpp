#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

/// Subscripts of Einstein's sums that are known to the compiler: checked by it, and the rank of the result.
namespace weft::detail::arrays {

/// A literal as a template argument.
template <std::size_t Size>
struct literal {
  char text[Size]{};
  constexpr literal(const char (&from)[Size]) { std::copy_n(from, Size, text); }  // NOLINT: einsum<"ij->ji">(x)
  constexpr std::string_view view() const { return {text, Size - 1}; }
};

/// What is wrong with subscripts; the sentences are at the static_asserts of checked_subscripts().
enum class subscripts_fault { none, letters, arrays, axes, unknown, twice, rest };

struct subscripts_rank {
  subscripts_fault fault = subscripts_fault::none;
  std::size_t rank = 0;  // of the result; `unknown` where an array's is not known, and `...` stands for its axes
};

/// One part between commas.
struct subscripts_part {
  std::array<std::size_t, 256> letters{};  // how often each stands there
  std::size_t named = 0, rests = 0;
  bool wrong = false;
};
constexpr subscripts_part part_of(std::string_view text) {
  subscripts_part p;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (text.substr(i, 3) == "...") {
      ++p.rests;
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      ++p.letters[static_cast<unsigned char>(c)];
      ++p.named;
    } else {
      p.wrong = true;
    }
  }
  p.wrong = p.wrong || p.rests > 1;
  return p;
}

/// The same rules as parse() of lib/array/linear_einsum.cpp, which knows the shapes too. `unknown` is the rank of an
/// array whose rank is not known to the compiler.
template <std::size_t Arrays>
constexpr subscripts_rank rank_of_subscripts(std::string_view text, const std::array<std::size_t, Arrays>& ranks,
                                             std::size_t unknown) {
  using fault = subscripts_fault;
  const std::size_t arrow = text.find("->");
  std::string_view inputs = text.substr(0, arrow);
  std::array<std::size_t, 256> stands{};
  std::size_t parts = 0, rest = 0;
  bool open = false, guess = false;  // some has `...`; and how long it is nobody knows
  for (bool more = true; more; ++parts) {
    const std::size_t comma = inputs.find(',');
    const subscripts_part p = part_of(inputs.substr(0, comma));
    if (p.wrong) return {fault::letters};
    if (parts < Arrays) {
      const std::size_t rank = ranks[parts];
      if (rank != unknown && (p.rests != 0 ? p.named > rank : p.named != rank)) return {fault::axes};
      if (p.rests != 0) {
        open = true;
        guess = guess || rank == unknown;
        if (rank != unknown) rest = std::max(rest, rank - p.named);
      }
    }
    for (std::size_t l = 0; l < stands.size(); ++l) stands[l] += p.letters[l];
    more = comma != std::string_view::npos;
    if (more) inputs.remove_prefix(comma + 1);
  }
  if (parts != Arrays) return {fault::arrays};
  std::size_t rank = 0;
  if (arrow == std::string_view::npos) {
    rank = static_cast<std::size_t>(std::count(stands.begin(), stands.end(), std::size_t{1}));
  } else {
    const subscripts_part out = part_of(text.substr(arrow + 2));
    if (out.wrong) return {fault::letters};
    for (std::size_t l = 0; l < stands.size(); ++l) {
      if (out.letters[l] > 1) return {fault::twice};
      if (out.letters[l] == 1 && stands[l] == 0) return {fault::unknown};
    }
    if (out.rests == 0 && rest != 0) return {fault::rest};
    if (out.rests == 0) open = guess = false;
    rank = out.named;
  }
  return {fault::none, guess ? unknown : rank + (open ? rest : 0)};
}

template <literal Subscripts, std::size_t Unknown, std::size_t... Ranks>
consteval std::size_t checked_subscripts() {
  using fault = subscripts_fault;
  constexpr subscripts_rank found =
      rank_of_subscripts(Subscripts.view(), std::array<std::size_t, sizeof...(Ranks)>{Ranks...}, Unknown);
  static_assert(found.fault != fault::letters, "weft: names of axes in einsum are letters, or `...` once in a part");
  static_assert(found.fault != fault::arrays,
                "weft: einsum names the axes of another number of arrays than it is given");
  static_assert(found.fault != fault::axes, "weft: einsum names another number of axes than an array has");
  static_assert(found.fault != fault::unknown,
                "weft: what stands after `->` in einsum is the name of no axis before it");
  static_assert(found.fault != fault::twice, "weft: a name stands twice after `->` in einsum");
  static_assert(found.fault != fault::rest,
                "weft: axes of `...` are not summed over: the part after `->` needs it too");
  return found.rank;
}

}  // namespace weft::detail::arrays
