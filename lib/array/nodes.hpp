#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "weft/array/index.hpp"
#include "weft/detail/array/node.hpp"

namespace weft::detail::arrays {

/// What a node reads: another that is no view, whose elements it finds by the map.
struct operand {
  array_ref node;
  view_map map;
};

enum class node_kind : std::uint8_t { index, elementwise, view, reduction, stored, layered };

/// Throws misuse for chunks that are too large to be (check_chunks), but of views and indices, which have none.
class array_node {
 public:
  array_node(const array_node&) = delete;
  array_node& operator=(const array_node&) = delete;
  virtual ~array_node();
  /// Puts what it computes, but for what it reads, its elements and its chunks: nodes of one type that put the same
  /// are one in a plan. False: nothing else computes that. Asked of those alone that another may be like.
  virtual bool spell(encoder&) const { return false; }

  const node_kind kind;
  const client owner;
  const element of;
  const grid chunks;
  std::vector<operand> operands;  // each another; changed by the destructor of who holds this last

 protected:
  array_node(node_kind k, client c, element e, const grid& g, std::vector<operand> o)
      : kind(k), owner(std::move(c)), of(e), chunks(g), operands(std::move(o)) {
    if (k != node_kind::index && k != node_kind::view) check_chunks(g, e.item);
  }
};

/// Elements that are linear in their indices.
struct index_node final : array_node {
  index_node(client c, const grid& g, std::int64_t b, const coordinates& s)
      : array_node(node_kind::index, std::move(c), element_of<std::int64_t>, g, {}), base(b), steps(s) {}
  bool spell(encoder& e) const override {
    e.put(&base, sizeof base);
    e.put(steps.data(), sizeof steps);
    return true;
  }
  const std::int64_t base;
  const coordinates steps;
};

/// In whose tasks the elements of a node are computed: in those of its only reader, where each is read once; in those
/// of all that read each once; or of all that read it.
enum class again : std::uint8_t { never, for_readers, always };

/// A kernel whose argument i is operand `arguments[i]`; no kernel: a copy of the only operand.
struct elementwise_node final : array_node {
  elementwise_node(client c, element e, const grid& g, std::vector<operand> o, std::vector<std::uint8_t> a,
                   any_code<kernel> k, again how)
      : array_node(node_kind::elementwise, std::move(c), e, g, std::move(o)),
        arguments(std::move(a)),
        what(std::move(k)),
        computed(how) {}
  bool spell(encoder& e) const override {
    if (what) what->encode(e);  // its entry is compared already
    return true;
  }
  const std::vector<std::uint8_t> arguments;
  const any_code<kernel> what;
  const again computed;
};

/// Whether it stands for its operand, to be made again for each that reads it (recomputed).
inline bool is_recomputed(const array_node& n) noexcept {
  if (n.kind != node_kind::elementwise) return false;
  const auto& e = static_cast<const elementwise_node&>(n);
  return e.computed == again::always && !e.what;
}

/// Such a node, as make_elementwise.
array_ref make_computed(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                        any_code<kernel> what, again computed);

struct view_node final : array_node {
  view_node(client c, element e, const grid& g, operand o)
      : array_node(node_kind::view, std::move(c), e, g, {std::move(o)}) {}
};

struct reduction_node final : array_node {
  reduction_node(client c, element e, const grid& g, const grid& d, operand o, std::uint32_t a, bool k,
                 any_code<reducer> r, std::int64_t n)
      : array_node(node_kind::reduction, std::move(c), e, g, {std::move(o)}),
        domain(d),
        axes(a),
        keep(k),
        what(std::move(r)),
        fan_in(n) {}
  bool spell(encoder& e) const override;
  const grid domain;         // of what is reduced
  const std::uint32_t axes;  // a bit for each axis of the domain that is reduced
  const bool keep;           // they stay, with one element
  const any_code<reducer> what;
  const std::int64_t fan_in;  // chunks that a task of the tree combines
};

struct stored_node final : array_node {
  stored_node(client c, element e, const grid& g, std::vector<future<block>> p)
      : array_node(node_kind::stored, std::move(c), e, g, {}), parts(std::move(p)) {}
  const std::vector<future<block>> parts;
};

/// The elements of a slice of an axis of n. Throws misuse for a step of 0.
struct found_slice {
  std::int64_t first, step, count;
};
found_slice find_slice(const slice& s, std::int64_t n);
/// An index along an axis, which counts from the end when it is negative. Throws misuse when there is no such.
std::int64_t checked_index(std::int64_t i, std::size_t axis, const grid& g);
/// Throws misuse where the index is a mask of another length than the axis.
void check_mask(const index_item& i, std::size_t axis, const grid& g);

/// Indices of which each is of an axis, in order, or newaxis: ellipses are slices, numbers and lists are 0 or more.
struct spelled_indices {
  std::vector<index_item> items;
  bool list_first = false;  // numbers stand apart from the list: as in NumPy, its axis is the first of the result
};
/// Throws misuse for more indices than axes, and for indices and masks that do not fit.
spelled_indices spell_out(std::span<const index_item> indices, const grid& g);

/// x in these chunks: x itself where it has them, or what it shows as it is; else a copy.
array_ref in_chunks(array_ref x, const grid& chunks);
/// `inner` of what `outer` gives: from outer's view to inner's source.
view_map compose(const view_map& outer, const view_map& inner) noexcept;
/// Every axis as it is.
view_map identity_map(std::uint32_t rank) noexcept;
/// How an array of those chunks is read where it broadcasts to `to`.
view_map broadcast_map(const grid& from, const grid& to) noexcept;
/// x, or where x is a view its source, by the map with that view's before it.
operand resolve(array_ref x, const view_map& map);

}  // namespace weft::detail::arrays
