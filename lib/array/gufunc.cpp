// Generalized functions: which chunks those of apply_gufunc are given, by a signature.
#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>

#include "array/map_calls.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/arrangements.hpp"

namespace weft::detail::arrays {

namespace {

/// A signature's groups of names: `(i,j),(j)->(i)`.
struct signature {
  std::vector<std::string> in, out;
};
signature parse(std::string_view text) {
  const auto fail = [&] {
    throw misuse("weft: \"" + std::string(text) + "\" is no signature of a function: write \"(i,j),(j)->(i)\"");
  };
  signature s;
  const std::size_t arrow = text.find("->");
  if (arrow == std::string_view::npos) fail();
  const auto take = [&](std::string_view part, std::vector<std::string>& groups) {
    enum { outside, name, comma } state = outside;
    bool open = false, expected = true;
    for (const char c : part) {
      if (c == ' ') continue;
      if (!open) {
        if (c == '(' && expected) {
          groups.emplace_back();
          open = true;
          expected = false;
          state = outside;
        } else if (c == ',' && !expected) {
          expected = true;
        } else {
          fail();
        }
      } else if (c == ')' && state != comma) {
        open = false;
      } else if (c == ',' && state == name) {
        state = comma;
      } else if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && state != name) {
        groups.back() += c;
        state = name;
      } else {
        fail();
      }
    }
    if (open || expected) fail();
  };
  take(text.substr(0, arrow), s.in);
  take(text.substr(arrow + 2), s.out);
  return s;
}

using axis_list = std::vector<std::int64_t>;

/// The last `count` axes of an array.
axis_list last_axes(std::size_t count) {
  axis_list all(count);
  std::iota(all.begin(), all.end(), -static_cast<std::int64_t>(count));
  return all;
}

/// Which axes are those of the signature: of each array, and of each result.
struct placed_axes {
  std::vector<axis_list> in, out;
};
placed_axes place_axes(const signature& s, const gufunc_changes& how, const std::string& where) {
  const std::size_t kept = how.keeps ? s.in.front().size() : 0;
  if (how.keeps) {
    const auto like_first = [&](const std::string& names) { return names.size() == kept; };
    if (!std::all_of(s.in.begin(), s.in.end(), like_first) ||
        !std::all_of(s.out.begin(), s.out.end(), [](const std::string& names) { return names.empty(); }))
      throw misuse("weft: keep_axes for " + where +
                   ": axes stay where the signature has as many for each array, and none for a result");
  }
  const auto wanted = [&](std::size_t i) {
    return i < s.in.size() ? s.in[i].size() : how.keeps ? kept : s.out[i - s.in.size()].size();
  };
  const std::size_t all = s.in.size() + s.out.size();
  std::vector<axis_list> each;
  if (how.one_axis) {
    std::string name;
    for (std::size_t i = 0; i < all; ++i) {
      const std::string& own = i < s.in.size() ? s.in[i] : s.out[i - s.in.size()];
      if (name.empty()) name = own;
      if (own.size() > 1 || (!own.empty() && own != name)) name = "several";
    }
    if (name.size() != 1)
      throw misuse("weft: core_axes(" + std::to_string(*how.one_axis) + ") for " + where +
                   ": one number is for a signature that names one axis: give a list for each array and each result");
    for (std::size_t i = 0; i < all; ++i) each.emplace_back(wanted(i), *how.one_axis);
  } else if (how.axes.empty()) {
    for (std::size_t i = 0; i < all; ++i) each.push_back(last_axes(wanted(i)));
  } else {
    each.assign(how.axes.begin(), how.axes.end());
    const bool of_arrays = each.size() == s.in.size();
    const bool none_named = std::all_of(s.out.begin(), s.out.end(), [](const std::string& o) { return o.empty(); });
    if (each.size() != all && !(of_arrays && none_named))
      throw misuse("weft: core_axes of " + std::to_string(each.size()) + (each.size() == 1 ? " list" : " lists") +
                   " for " + where + ": give one for each array" +
                   (none_named ? ", and, or not, one for each result" : " and one for each result"));
    while (each.size() < all) each.push_back(how.keeps ? each.front() : axis_list());
    for (std::size_t i = 0; i < all; ++i)
      if (each[i].size() != wanted(i))
        throw misuse("weft: core_axes for " + where + ": " + (i < s.in.size() ? "array " : "result ") +
                     std::to_string(i < s.in.size() ? i : i - s.in.size()) + " has " + std::to_string(wanted(i)) +
                     (wanted(i) == 1 ? " axis" : " axes") + " there, and a list of " +
                     std::to_string(each[i].size()));
  }
  const auto results = each.begin() + static_cast<std::ptrdiff_t>(s.in.size());
  return {{each.begin(), results}, {results, each.end()}};
}
/// Throws misuse for axes that something of so many has not, and for one that is twice among them.
void check_axes(const axis_list& axes, std::uint32_t rank, const std::string& what, const std::string& where) {
  std::uint32_t seen = 0;
  for (const std::int64_t given : axes) {
    const std::int64_t a = given < 0 ? given + rank : given;
    const bool there = a >= 0 && a < rank;
    if (!there || (seen >> a & 1) != 0)
      throw misuse("weft: core_axes for " + where + ": axis " + std::to_string(given) + " of " + what +
                   ", which has " + std::to_string(rank) + (there ? ", is there twice" : ""));
    seen |= 1u << a;
  }
}

/// What a task is given of an array has the whole of the axes named, however these are cut. Throws misuse where that
/// is more than a chunk may have.
void check_given(const array_ref& x, const std::array<std::int32_t, most_axes>& bound, const grid& tasks,
                 std::size_t i, const std::string& where) {
  grid given = x->chunks;
  for (std::uint32_t a = 0; a < given.rank; ++a)
    given.axes[a] = bound[a] < 0 ? one_chunk(given.axes[a].extent) : tasks.axes[static_cast<std::size_t>(bound[a])];
  const weft::shape most = given.largest();
  double bytes = x->of.item;
  for (const std::int64_t n : most) bytes *= static_cast<double>(n);
  if (bytes > static_cast<double>(most_chunk_bytes))
    throw misuse("weft: " + where + ": the function would be given " + weft::to_string(most) + " elements of array " +
                 std::to_string(i) +
                 ", the whole of each axis named, which are more than 2 GiB: cut its other axes " +
                 "finer, by a rechunk");
}

}  // namespace

std::vector<array_ref> apply_gufunc_of(std::string_view text, std::vector<array_ref> x, const std::vector<element>& e,
                                       const gufunc_changes& how, any_code<block_function> f) {
  check_some(x, "apply_gufunc");
  const signature s = parse(text);
  const std::string where = "\"" + std::string(text) + "\" of arrays of shapes " + shapes_of(x);
  if (s.in.size() != x.size())
    throw misuse("weft: " + where + ": it is of " + std::to_string(s.in.size()) + " arrays");
  if (s.out.size() != e.size())
    throw misuse("weft: " + where + ": it has " + std::to_string(s.out.size()) + " results, and the function " +
                 std::to_string(e.size()));
  const weft::shape& sizes = how.extents;
  const placed_axes axes = place_axes(s, how, where);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i]->chunks.rank < s.in[i].size())
      throw misuse("weft: " + where + ": array " + std::to_string(i) + " has too few axes");
    check_axes(axes.in[i], x[i]->chunks.rank, "array " + std::to_string(i), where);
    const axis_list last = last_axes(s.in[i].size());
    if (axes.in[i] != last) x[i] = moved_view(std::move(x[i]), axes.in[i], last);
  }
  named_axes core;
  mapped_plan plan;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const grid& own = x[i]->chunks;
    grid loops = own;
    loops.rank = own.rank - static_cast<std::uint32_t>(s.in[i].size());
    for (std::size_t a = 0; a < s.in[i].size(); ++a) core.add(s.in[i][a], own.axes[loops.rank + a], where);
    plan.tasks = i == 0 ? loops : broadcast(plan.tasks, loops);
  }
  // Axes that are made have an extent where they are named for the first time.
  std::size_t made = 0;
  std::vector<mapped_part> parts;
  for (std::size_t i = 0; i < s.out.size(); ++i) {
    parts.push_back({e[i], plan.tasks});
    for (const char name : s.out[i]) {
      if (!core.find(name)) {
        if (made == sizes.size() || sizes[made] < 0)
          throw misuse("weft: " + where + ": axis " + std::string(1, name) + " is new: give its extent in new_axes");
        core.add(name, one_chunk(sizes[made++]), where);
      }
      add_axis(parts.back().chunks, one_chunk(core.find(name)->extent), where);
    }
  }
  if (made != sizes.size())
    throw misuse("weft: " + where + ": " + std::to_string(sizes.size()) + " extents of new axes, of which it has " +
                 std::to_string(made));
  const std::uint32_t loops_of_all = plan.tasks.rank;
  for (std::size_t i = 0; i < s.out.size(); ++i) {
    const auto rank = loops_of_all + static_cast<std::uint32_t>(axes.out[i].size());
    if (rank > most_axes)
      throw misuse("weft: " + where + ": result " + std::to_string(i) + " would have more than 8 axes");
    check_axes(axes.out[i], rank, "result " + std::to_string(i), where);
  }
  // Axes that stay have one element each, and then go where they are to be.
  const auto placed = [&](array_ref y, std::size_t i) {
    const axis_list last = last_axes(axes.out[i].size());
    if (how.keeps)
      for (std::size_t k = 0; k < last.size(); ++k) y = expand_view(std::move(y), -1);
    return axes.out[i] == last ? y : moved_view(std::move(y), last, axes.out[i]);
  };
  plan.function = std::move(f);
  std::vector<std::array<std::int32_t, most_axes>> bound;
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto& own = bound.emplace_back();
    own.fill(-1);
    const std::uint32_t loops = x[i]->chunks.rank - static_cast<std::uint32_t>(s.in[i].size());
    for (std::uint32_t a = 0; a < loops; ++a) {
      const std::uint32_t t = a + plan.tasks.rank - loops;
      if (x[i]->chunks.axes[a].extent == plan.tasks.axes[t].extent) own[a] = static_cast<std::int32_t>(t);
    }
    check_given(x[i], own, plan.tasks, i, where);
  }
  if (parts.size() == 1) {
    plan.chunks = parts.front().chunks;
    plan.of = parts.front().of;
    return {placed(mapped(std::move(x), bound, std::move(plan)), 0)};
  }
  check_parts(parts);
  const grid tasks = plan.chunks = plan.tasks;
  plan.of = element_of<std::uint8_t>;
  plan.parts = parts;
  std::vector<array_ref> all = parts_of(mapped(std::move(x), bound, std::move(plan)), tasks, parts);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = placed(std::move(all[i]), i);
  return all;
}

}  // namespace weft::detail::arrays
