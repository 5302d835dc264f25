// What a plan computes once, and what again.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "array/alike.hpp"
#include "array/layered.hpp"
#include "array/plan.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::size_t most_again = std::size_t{1} << 16;  // vertices beyond one for each node

/// All nodes, operands before those that read them. Without recursion, as chains may be long.
std::vector<const array_node*> in_order(std::span<const array_node* const> roots) {
  std::vector<const array_node*> order;
  std::unordered_map<const array_node*, bool> seen;
  std::vector<std::pair<const array_node*, std::size_t>> path;
  for (const array_node* root : roots) {
    if (!seen.emplace(root, true).second) continue;
    path.emplace_back(root, 0);
    while (!path.empty()) {
      auto& [n, next] = path.back();
      if (next == n->operands.size()) {
        order.push_back(n);
        path.pop_back();
        continue;
      }
      const array_node* x = n->operands[next++].node.get();
      if (seen.emplace(x, true).second) path.emplace_back(x, 0);
    }
  }
  return order;
}

/// A node that stands for all that are alike.
struct merged {
  const array_node* node;
  std::vector<std::size_t> operands;  // by their numbers, which are less than its own
};

std::vector<merged> merge(std::span<const array_node* const> order,
                          std::unordered_map<const array_node*, std::size_t>& number) {
  std::vector<merged> all;
  alike_nodes alike;
  std::vector<const array_node*> reads;
  for (const array_node* n : order) {
    merged m{n, {}};
    reads.clear();
    for (const operand& o : n->operands) {
      m.operands.push_back(number.at(o.node.get()));
      reads.push_back(all[m.operands.back()].node);
    }
    const array_node* first = alike.first_of(*n, reads);
    number[n] = first == n ? all.size() : number.at(first);
    if (first == n) all.push_back(std::move(m));
  }
  return all;
}

/// Makes vertices of merged nodes, from the results back.
///
/// What is to be made again for each reader is a vertex for each of them, which all have another tag. A tag goes on
/// to what these read, as long as nothing else reads it: so what is made for such an array alone is made again with
/// it, and what others read too is made once. The results of reductions are kept: they are small, and cost all of x.
class vertex_maker {
 public:
  explicit vertex_maker(std::span<const merged> nodes) : nodes_(nodes), read_(nodes.size()) {}

  vertices make(std::span<const std::size_t> roots) {
    made_.roots.resize(roots.size());
    for (std::size_t i = 0; i < roots.size(); ++i) read_[roots[i]].push_back({nullptr, i, no_node, 0, false});
    for (std::size_t n = nodes_.size(); n-- > 0;) {
      if (is_recomputed(*nodes_[n].node))
        pass_on(n);
      else
        make_all(n);
      std::vector<edge>().swap(read_[n]);
    }
    return std::move(made_);
  }

 private:
  using tag = std::uint64_t;
  static constexpr std::size_t no_node = ~std::size_t{0};
  struct edge {
    vertex* reader;       // null: who wants it
    std::size_t operand;  // of the reader, or the number of the root
    std::size_t node;     // the reader's
    tag of;
    bool fresh;  // it is to be made for this tag alone
  };

  /// What reads `recomputed(x)` reads an x of its own.
  void pass_on(std::size_t n) {
    const std::size_t x = nodes_[n].operands.front();
    std::map<const vertex*, tag> tags;
    for (edge e : read_[n]) {
      if (!e.fresh) {
        const auto [at, is_new] = tags.emplace(e.reader, last_ + 1);
        last_ += is_new ? 1 : 0;
        e.of = at->second;
        e.fresh = true;
      }
      read_[x].push_back(e);
    }
  }

  /// Whether all that read n are as many as there are tags: then each reads one of its own.
  bool goes_on(std::size_t n) const {
    const array_node& x = *nodes_[n].node;
    if (x.kind == node_kind::stored || x.kind == node_kind::index || x.kind == node_kind::reduction) return false;
    if (x.kind == node_kind::layered && static_cast<const layered_node&>(x).is_reduction()) return false;
    std::map<std::size_t, std::vector<tag>> of;
    for (const edge& e : read_[n])
      if (!e.fresh) of[e.node].push_back(e.of);
    for (auto& [reader, tags] : of) {
      std::sort(tags.begin(), tags.end());
      tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
      if (tags != of.begin()->second) return false;
    }
    return true;
  }

  void make_all(std::size_t n) {
    const node_kind kind = nodes_[n].node->kind;
    const bool nothing_to_make = kind == node_kind::stored || kind == node_kind::index;
    const bool by_tag = goes_on(n);
    std::map<tag, std::vector<edge>> groups;
    for (const edge& e : read_[n]) groups[nothing_to_make || (!e.fresh && !by_tag) ? 0 : e.of].push_back(e);
    again_ += groups.empty() ? 0 : groups.size() - 1;
    if (again_ > most_again)
      throw misuse("weft: arrays that are recomputed within each other, so that more than " +
                   std::to_string(most_again) +
                   " operations are done again: persist() one of them, or read it as it is");
    for (const auto& [of, edges] : groups) make_one(n, of, edges);
  }

  void make_one(std::size_t n, tag of, std::span<const edge> edges) {
    const merged& m = nodes_[n];
    vertex& v = made_.all.emplace_back(vertex{m.node, std::vector<const vertex*>(m.operands.size())});
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const edge& e = edges[i];
      (e.reader ? e.reader->operands[e.operand] : made_.roots[e.operand]) = &v;
      // One that reads it twice by the same map reads it once; what it reads it by is one after the other here.
      bool known = false;
      for (std::size_t k = i; !known && k-- > 0 && e.reader && edges[k].reader == e.reader;)
        known = map_of(edges[k]) == map_of(e);
      v.readers += known ? 0 : 1;
    }
    for (std::size_t o = 0; o < m.operands.size(); ++o) read_[m.operands[o]].push_back({&v, o, n, of, false});
  }
  static const view_map& map_of(const edge& e) noexcept { return e.reader->node->operands[e.operand].map; }

  std::span<const merged> nodes_;
  std::vector<std::vector<edge>> read_;  // by whom
  vertices made_;
  std::size_t again_ = 0;
  tag last_ = 0;
};

}  // namespace

vertices vertices_of(std::span<const array_node* const> roots) {
  const std::vector<const array_node*> order = in_order(roots);
  std::unordered_map<const array_node*, std::size_t> number;
  const std::vector<merged> nodes = merge(order, number);
  std::vector<std::size_t> wanted;
  for (const array_node* root : roots) wanted.push_back(number.at(root));
  return vertex_maker(nodes).make(wanted);
}

}  // namespace weft::detail::arrays
