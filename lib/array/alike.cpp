// Nodes that compute the same.
#include "array/alike.hpp"

#include <cstddef>
#include <exception>
#include <optional>
#include <typeinfo>
#include <utility>

namespace weft::detail::arrays {

namespace {

/// What is spelled in more bytes is not compared: constants of that size were made by somebody who can name them.
constexpr std::size_t most_spelled = std::size_t{64} << 10;

template <class T>
void append(std::string& key, const T& x) {
  static_assert(std::has_unique_object_representations_v<T>);
  key.append(reinterpret_cast<const char*>(&x), sizeof x);
}

void append_map(std::string& key, const view_map& m) {
  append(key, m.rank);
  for (std::uint32_t s = 0; s < m.rank; ++s) {
    append(key, m.axes[s].axis);
    append(key, m.axes[s].start);
    append(key, m.axes[s].step);
  }
}

/// Of all but what spell() says. Chunks that have a table are compared later.
std::string key_of(const array_node& n, std::span<const array_node* const> reads) {
  std::string key;
  append(key, &typeid(n));
  append(key, n.owner.get_engine().get());
  append(key, n.of.type);
  append(key, n.of.item);
  append(key, n.chunks.rank);
  for (std::uint32_t a = 0; a < n.chunks.rank; ++a) {
    append(key, n.chunks.axes[a].extent);
    append(key, n.chunks.axes[a].chunk);
    append(key, n.chunks.axes[a].lead);
  }
  const auto append_operand = [&](std::size_t o) {
    append(key, reads[o]);
    append_map(key, n.operands[o].map);
  };
  if (n.kind != node_kind::elementwise) {
    for (std::size_t o = 0; o < reads.size(); ++o) append_operand(o);
    return key;
  }
  // By its arguments: two operands that were found to be the same are one.
  const auto& e = static_cast<const elementwise_node&>(n);
  append(key, e.what ? &e.what->entry() : nullptr);
  append(key, e.computed);
  for (const std::uint8_t a : e.arguments) append_operand(a);
  return key;
}

/// None where it cannot be spelled, or is too long. Constants in buffers of their own would be compared by copies.
std::optional<std::string> spelling_of(const array_node& n) {
  encoder e;
  try {
    if (!n.spell(e)) return {};
  } catch (const std::exception&) { return {}; }  // it cannot travel, and need not: then it is only itself
  const std::span<const std::byte> bytes = e.message();
  if (!e.attachments().empty() || bytes.size() > most_spelled) return {};
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

const array_node* alike_nodes::first_of(const array_node& n, std::span<const array_node* const> reads) {
  family& f = families_[key_of(n, reads)];
  if (!f.only) return f.only = &n;
  if (!f.spelled) {
    f.spelled = true;
    if (std::optional<std::string> s = spelling_of(*f.only)) f.by_spelling[std::move(*s)].push_back(f.only);
  }
  std::optional<std::string> s = spelling_of(n);
  if (!s) return &n;
  std::vector<const array_node*>& all = f.by_spelling[std::move(*s)];
  for (const array_node* x : all)
    if (x->chunks == n.chunks) return x;
  all.push_back(&n);
  return &n;
}

}  // namespace weft::detail::arrays
