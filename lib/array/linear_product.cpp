// Products of arrays: matmul, tensordot and outer are contractions of labelled axes.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "array/linear.hpp"
#include "array/linear_kernel.hpp"
#include "array/plan.hpp"
#include "array/tasks.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft::detail::arrays {

namespace {

/// Blocks that one task takes of each operand, in bytes: what is summed over more is added by further tasks.
constexpr std::int64_t most_taken = std::int64_t{64} << 20;
/// Multiplications of one task, above which larger chunks of the result are cut.
constexpr double most_work = 8e9;
/// The extents they are cut to then.
constexpr std::int64_t cut_to = 2048;

struct contract_first {
  shared<contraction> how;
  block operator()(std::size_t, values<block> left, values<block> right) const {
    return contract_blocks(*how, block(), left, right);
  }
  std::string task_name() const { return "product"; }
  std::string task_subject(std::size_t) const { return {}; }
};
struct contract_more {
  shared<contraction> how;
  block operator()(std::size_t, values<block> before, values<block> left, values<block> right) const {
    demand_given(before.size() == 1, "no block to add to");
    return contract_blocks(*how, taken_or_copied(before, 0), left, right);
  }
  std::string task_name() const { return "product"; }
  std::string task_subject(std::size_t) const { return {}; }
};

struct add_up {
  block operator()(std::size_t, values<block> parts) const { return add_blocks(parts); }
  std::string task_name() const { return "product-sum"; }
  std::string task_subject(std::size_t) const { return {}; }
};

/// An operand as it is read: no view, in chunks that fit, with a label for each axis.
struct side {
  array_ref x;
  labels of;

  const cut* cut_of(int label) const {
    for (std::size_t a = 0; a < of.size(); ++a)
      if (of[a] == label) return &x->chunks.axes[a];
    return nullptr;
  }
};

/// A view that puts all axes of its source into another order is read as the source, with its labels in that order.
void look_through(side& s) {
  if (s.x->kind != node_kind::view) return;
  const operand& source = s.x->operands.front();
  if (source.map.rank != s.x->chunks.rank || source.node->kind == node_kind::index) return;
  labels of(source.map.rank);
  std::uint32_t seen = 0;
  for (std::uint32_t a = 0; a < source.map.rank; ++a) {
    const axis_map& m = source.map.axes[a];
    if (m.axis < 0 || m.start != 0 || m.step != 1) return;
    const auto own = static_cast<std::size_t>(m.axis);
    if (source.node->chunks.axes[a].extent != s.x->chunks.axes[own].extent) return;
    of[a] = s.of[own];
    seen |= 1u << own;
  }
  if (seen != (1u << s.x->chunks.rank) - 1) return;
  s = {source.node, std::move(of)};
}

/// The sum over an axis that the other operand does not have: a product with ones.
void sum_over(side& s, int label, element e) {
  const cut axis = *s.cut_of(label);
  array_ref ones = ones_of(s.x->owner, grid_of_axes({axis}), e);
  labels rest = s.of;
  std::erase(rest, label);
  s.x = contract("a sum", std::move(s.x), s.of, std::move(ones), {label}, rest, e);
  s.of = std::move(rest);
}

void drop_axis(side& s, std::size_t a) {
  s.x = squeeze_view(std::move(s.x), static_cast<std::int64_t>(a));
  s.of.erase(s.of.begin() + static_cast<std::ptrdiff_t>(a));
}

/// An axis of one element beside a longer one stands for all of it: without it, the operand is the same.
void drop_broadcast(side& s, const side& other) {
  for (std::size_t a = s.of.size(); a-- > 0;) {
    const cut* o = other.cut_of(s.of[a]);
    if (o && s.x->chunks.axes[a].extent == 1 && o->extent != 1) drop_axis(s, a);
  }
}

constexpr std::int64_t up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }
std::int64_t largest(const cut& c) { return std::min(c.chunk, std::max<std::int64_t>(c.extent, 1)); }

/// The cut of each label.
class cuts {
 public:
  cuts(const char* what, const side& a, const side& b) {
    for (const side* s : {&a, &b})
      for (std::size_t i = 0; i < s->of.size(); ++i) {
        const cut& c = s->x->chunks.axes[i];
        const auto [at, is_new] = all_.emplace(s->of[i], c);
        if (is_new || at->second == c) continue;
        if (at->second.extent != c.extent)
          throw misuse(std::string("weft: ") + what + " of arrays of shapes " + to_string(a.x->chunks) + " and " +
                       to_string(b.x->chunks) + ": they have " + std::to_string(at->second.extent) + " and " +
                       std::to_string(c.extent) + " elements along what is one axis of both");
        // The smaller array is copied.
        if (b.x->chunks.whole().count() > a.x->chunks.whole().count()) at->second = c;
      }
  }
  cut& operator[](int label) { return all_.at(label); }
  /// Chunks along some labels, as one.
  double elements(const labels& of) {
    double n = 1;
    for (const int l : of) n *= static_cast<double>(largest(all_.at(l)));
    return n;
  }
  array_ref apply(const side& s) {
    grid g;
    for (const int l : s.of) g.axes[g.rank++] = all_.at(l);
    return in_chunks(s.x, g);
  }

 private:
  std::map<int, cut> all_;
};

/// A chunk of the result is one task: where that is too much, or more than a chunk may have, along the longest of its
/// axes it is cut.
void cut_work(cuts& all, const labels& free, const labels& summed, std::uint32_t item) {
  labels both = free;
  both.insert(both.end(), summed.begin(), summed.end());
  while (all.elements(both) > most_work || all.elements(free) * item > static_cast<double>(most_chunk_bytes)) {
    const auto longest =
        std::max_element(free.begin(), free.end(), [&](int x, int y) { return largest(all[x]) < largest(all[y]); });
    if (longest == free.end() || largest(all[*longest]) <= cut_to) return;
    cut& c = all[*longest];
    const std::int64_t pieces = up(c.extent, std::max(cut_to, (largest(c) + 1) / 2));
    c = chunks_of(c.extent, up(c.extent, pieces));  // of one size, as far as can be
  }
}

/// Which blocks of an operand the tasks take in one group of what is summed over.
boxes blocks_of(const grid& source, const std::vector<std::uint32_t>& of, const grid& result,
                const std::vector<chunk_range>& group) {
  box_table t;
  t.rank = result.rank;
  t.counts = result.counts();
  for (std::size_t a = 0; a < of.size(); ++a) {
    const std::int64_t n = source.axes[a].count();
    box_axis axis{n, -1, {}, {}};
    if (of[a] < result.rank) {
      axis.axis = static_cast<std::int32_t>(of[a]);
      for (std::int64_t i = 0; i < n; ++i) {
        axis.of.push_back({i, i});
        axis.readers.push_back({i, i});
      }
    } else {
      axis.of.push_back(group[of[a] - result.rank]);
    }
    t.axes.push_back(std::move(axis));
  }
  return {shared<box_table>(std::move(t))};
}

/// Groups of what is summed over, in order: along one axis some chunks, along the others one.
std::vector<std::vector<chunk_range>> groups_of(const std::vector<cut>& summed, std::int64_t together) {
  if (summed.empty()) return {{}};
  std::size_t along = 0;
  for (std::size_t s = 0; s < summed.size(); ++s)
    if (summed[s].count() > summed[along].count()) along = s;
  coordinates at{}, counts{};
  for (std::size_t s = 0; s < summed.size(); ++s)
    counts[s] = s == along ? up(summed[s].count(), together) : summed[s].count();
  std::vector<std::vector<chunk_range>> all;
  do {
    std::vector<chunk_range> group;
    for (std::size_t s = 0; s < summed.size(); ++s) {
      const std::int64_t first = s == along ? at[s] * together : at[s];
      const std::int64_t last = s == along ? std::min(first + together, summed[s].count()) - 1 : first;
      group.push_back({first, last});
    }
    all.push_back(std::move(group));
  } while (advance(at, counts, summed.size()));
  return all;
}

/// Where results are small beside what they are sums of, each pair of blocks is a task of its own, where they are,
/// and their products are added by a tree: in parallel, and without moving the operands.
array_ref make_sum(const array_ref& a, const array_ref& b, const contraction& how, const grid& result,
                   const std::vector<cut>& summed) {
  grid domain = result;
  std::uint32_t mask = 0;
  for (const cut& c : summed) {
    mask |= 1u << domain.rank;
    domain.axes[domain.rank++] = c;
  }
  std::vector<box> levels{box::all_of(domain)};
  const auto is_one = [&](const box& b_) {
    for (std::size_t x = result.rank; x < domain.rank; ++x)
      if (b_.counts[x] != 1) return false;
    return true;
  };
  std::size_t tasks = levels[0].tasks();
  for (box next; !is_one(levels.back()); levels.push_back(next)) {
    grouped(levels.back(), group_sizes(levels.back(), mask), next);
    tasks += next.tasks();
  }
  const shared<contraction> task(how);
  auto make = [=, x = a->chunks, y = b->chunks](std::span<const layer<block>> in) {
    layer<block> l =
        layer_of(levels[0].tasks(), contract_first{task}, from(in[0], blocks_of(x, task->left, domain, {})),
                 from(in[1], blocks_of(y, task->right, domain, {})));
    for (std::size_t n = 1; n < levels.size(); ++n) {
      box made;
      const boxes groups = grouped(levels[n - 1], group_sizes(levels[n - 1], mask), made);
      l = layer_of(made.tasks(), add_up{}, std::move(l), groups);
    }
    return l;
  };
  return make_layered(common_client(a->owner, b->owner), how.of, result, {a, b}, recipe(tasks, std::move(make)));
}

array_ref make_product(const array_ref& a, const array_ref& b, const contraction& how, const grid& result,
                       const std::vector<cut>& summed) {
  const auto bytes = [&](const grid& g) { return static_cast<double>(g.largest().count()) * how.of.item; };
  const double pair = std::max(1.0, bytes(a->chunks) + bytes(b->chunks));
  if (4 * bytes(result) <= pair && result.rank + summed.size() <= most_axes)
    return make_sum(a, b, how, result, summed);
  const auto together = std::clamp<std::int64_t>(static_cast<std::int64_t>(most_taken / pair), 1, 64);
  auto groups = groups_of(summed, together);
  const std::size_t tasks = groups.size() * result.tasks();
  const shared<contraction> task(how);
  auto make = [=, x = a->chunks, y = b->chunks, all = std::move(groups)](std::span<const layer<block>> in) {
    layer<block> l;
    for (const auto& group : all) {
      auto left = from(in[0], blocks_of(x, task->left, result, group));
      auto right = from(in[1], blocks_of(y, task->right, result, group));
      l = l.valid() ? layer_of(result.tasks(), contract_more{task}, from(l, one_to_one{}), left, right)
                    : layer_of(result.tasks(), contract_first{task}, left, right);
    }
    return l;
  };
  return make_layered(common_client(a->owner, b->owner), how.of, result, {a, b}, recipe(tasks, std::move(make)));
}

}  // namespace

array_ref contract(const char* what, array_ref left, labels of_left, array_ref right, labels of_right,
                   const labels& out, element e) {
  common_client(left->owner, right->owner);
  side a{std::move(left), std::move(of_left)}, b{std::move(right), std::move(of_right)};
  const side given_a = a, given_b = b;
  drop_broadcast(a, given_b);
  drop_broadcast(b, given_a);
  const auto is_out = [&](int l) { return std::find(out.begin(), out.end(), l) != out.end(); };
  for (side* s : {&a, &b})
    for (const int l : labels(s->of))
      if (!is_out(l) && !(s == &a ? b : a).cut_of(l)) sum_over(*s, l, e);
  look_through(a);
  look_through(b);
  cuts all(what, a, b);

  labels batch, rows, columns, summed;
  for (const int l : out) {
    labels& of = a.cut_of(l) ? (b.cut_of(l) ? batch : rows) : columns;
    of.push_back(l);
  }
  for (const int l : a.of)
    if (!is_out(l)) summed.push_back(l);
  labels result = batch;
  result.insert(result.end(), rows.begin(), rows.end());
  result.insert(result.end(), columns.begin(), columns.end());
  if (result.size() > most_axes)
    throw misuse(std::string("weft: ") + what + " of arrays of shapes " + to_string(given_a.x->chunks) + " and " +
                 to_string(given_b.x->chunks) + " has " + std::to_string(result.size()) +
                 " axes, of the 8 that it may have");
  cut_work(all, result, summed, e.item);

  contraction how;
  how.batch = static_cast<std::uint32_t>(batch.size());
  how.rows = static_cast<std::uint32_t>(rows.size());
  how.columns = static_cast<std::uint32_t>(columns.size());
  how.summed = static_cast<std::uint32_t>(summed.size());
  how.of = e;
  std::map<int, std::uint32_t> numbers;
  for (const int l : result) numbers.emplace(l, static_cast<std::uint32_t>(numbers.size()));
  for (const int l : summed) numbers.emplace(l, static_cast<std::uint32_t>(numbers.size()));
  for (const int l : a.of) how.left.push_back(numbers.at(l));
  for (const int l : b.of) how.right.push_back(numbers.at(l));
  grid chunks;
  for (const int l : result) chunks.axes[chunks.rank++] = all[l];
  std::vector<cut> summed_cuts;
  for (const int l : summed) summed_cuts.push_back(all[l]);
  array_ref found = make_product(all.apply(a), all.apply(b), how, chunks, summed_cuts);
  if (result == out) return found;
  std::vector<std::int64_t> order;
  for (const int l : out) order.push_back(std::find(result.begin(), result.end(), l) - result.begin());
  return transpose_view(std::move(found), order);
}

array_ref product(array_ref a, array_ref b, element e) {
  const std::uint32_t n = a->chunks.rank, m = b->chunks.rank;
  if (n == 0 || m == 0)
    throw misuse("weft: matmul of arrays of shapes " + to_string(a->chunks) + " and " + to_string(b->chunks) +
                 ": one of them is a number; use `*`");
  // Axes of the batch are labelled from behind, so that they broadcast.
  constexpr int row = -1, inner = -2, column = -3;
  const auto name = [](std::uint32_t rank, int second, int last, int vector) {
    labels of;
    for (std::uint32_t i = 0; i + 2 < rank; ++i) of.push_back(static_cast<int>(rank - 3 - i));
    if (rank > 1) of.push_back(second);
    of.push_back(rank > 1 ? last : vector);
    return of;
  };
  // An inner axis of one element is not that of several, as it is in a batch.
  const std::uint32_t last = n - 1, first = m > 1 ? m - 2 : 0;
  const std::int64_t columns = a->chunks.axes[last].extent, rows = b->chunks.axes[first].extent;
  if (columns != rows)
    throw misuse("weft: matmul of arrays of shapes " + to_string(a->chunks) + " and " + to_string(b->chunks) +
                 ": they have " + std::to_string(columns) + " and " + std::to_string(rows) +
                 " elements along what is one axis of both");
  const labels left = name(n, row, inner, inner), right = name(m, inner, column, inner);
  labels out;
  const int axes = static_cast<int>(std::max(n, m)) - 2;
  for (int i = axes; i-- > 0;) out.push_back(i);
  if (n > 1) out.push_back(row);
  if (m > 1) out.push_back(column);
  return contract("matmul", std::move(a), left, std::move(b), right, out, e);
}

array_ref tensor_product(array_ref a, array_ref b, std::span<const std::int64_t> left,
                         std::span<const std::int64_t> right, element e) {
  const std::string shapes =
      "weft: tensordot of arrays of shapes " + to_string(a->chunks) + " and " + to_string(b->chunks);
  if (left.size() != right.size())
    throw misuse(shapes + " over " + std::to_string(left.size()) + " axes of the first and " +
                 std::to_string(right.size()) + " of the second: give as many of both");
  labels of_left, of_right;
  for (std::uint32_t i = 0; i < a->chunks.rank; ++i) of_left.push_back(static_cast<int>(i));
  for (std::uint32_t i = 0; i < b->chunks.rank; ++i) of_right.push_back(static_cast<int>(i + most_axes));
  labels out = of_left;
  out.insert(out.end(), of_right.begin(), of_right.end());
  for (std::size_t i = 0; i < left.size(); ++i) {
    const std::size_t x = checked_axis(left[i], a->chunks), y = checked_axis(right[i], b->chunks);
    const std::int64_t n = a->chunks.axes[x].extent, m = b->chunks.axes[y].extent;
    if (n != m)
      throw misuse(shapes + ": axis " + std::to_string(x) + " of the first has " + std::to_string(n) +
                   " elements, and axis " + std::to_string(y) + " of the second " + std::to_string(m));
    if (std::erase(out, of_left[x]) + std::erase(out, of_right[y]) != 2)
      throw misuse(shapes + ": an axis is summed over twice");
    of_right[y] = of_left[x];
  }
  return contract("tensordot", std::move(a), of_left, std::move(b), of_right, out, e);
}

array_ref tensor_product(array_ref a, array_ref b, std::int64_t n, element e) {
  if (n < 0 || n > a->chunks.rank || n > b->chunks.rank)
    throw misuse("weft: tensordot of arrays of shapes " + to_string(a->chunks) + " and " + to_string(b->chunks) +
                 " over " + std::to_string(n) + " axes, which they do not have");
  std::vector<std::int64_t> left, right;
  for (std::int64_t i = 0; i < n; ++i) {
    left.push_back(a->chunks.rank - n + i);
    right.push_back(i);
  }
  return tensor_product(std::move(a), std::move(b), left, right, e);
}

array_ref dot_product(array_ref a, array_ref b, element e) {
  const std::uint32_t n = a->chunks.rank, m = b->chunks.rank;
  if (n < 2 || m < 2 || n + m == 4) return product(std::move(a), std::move(b), e);
  static constexpr std::int64_t last = -1, before_last = -2;
  return tensor_product(std::move(a), std::move(b), {&last, 1}, {&before_last, 1}, e);
}

array_ref outer_product(array_ref a, array_ref b, element e) {
  const auto flat = [](array_ref x) {
    const std::int64_t n = x->chunks.whole().count();
    return reshaped(std::move(x), weft::shape(n));
  };
  return tensor_product(flat(std::move(a)), flat(std::move(b)), 0, e);
}

}  // namespace weft::detail::arrays
