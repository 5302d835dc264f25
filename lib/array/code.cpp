#include "weft/detail/array/code.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_set>

#include "object/functions.hpp"
#include "object/modules.hpp"

namespace weft::detail::arrays {

namespace {

/// Entries enter while the program and its libraries are loaded; nobody leaves.
constinit std::atomic<const code_entry*> entries{nullptr};

const code_entry* find(std::uint64_t key, std::uint64_t offset) {
  static std::mutex lock;
  static std::unordered_set<const void*> known;
  static const code_entry* newest = nullptr;
  static std::array<std::atomic<const code_entry*>, 64> found;  // without the lock
  const module* m = find_module(key);
  if (!m) return nullptr;
  const auto* address = reinterpret_cast<const void*>(m->base + offset);
  auto& mostly = found[offset / alignof(code_entry) % found.size()];
  if (const code_entry* e = mostly.load(std::memory_order_acquire); e && e == address) return e;
  std::lock_guard guard(lock);
  const code_entry* first = entries.load(std::memory_order_acquire);
  for (const code_entry* e = first; e != newest; e = e->next) known.insert(e);
  newest = first;
  if (!known.contains(address)) return nullptr;
  const auto* entry = static_cast<const code_entry*>(address);
  mostly.store(entry, std::memory_order_release);
  return entry;
}

}  // namespace

code_entry::code_entry(maker m) noexcept : make(m), next(entries.load(std::memory_order_relaxed)) {
  while (!entries.compare_exchange_weak(next, this, std::memory_order_release, std::memory_order_relaxed)) {}
}

void encode_code(encoder& e, const code& c) {
  const entry_name at = name_of_code(&c.entry(), "an array's kernel", e.only_functions_of());
  const std::uint64_t name[2] = {at.module, at.offset};
  e.put(name, sizeof name);
  c.encode(e);
}

std::shared_ptr<const code> decode_code(decoder& d) {
  std::uint64_t name[2];
  d.get(name, sizeof name, "an array's kernel");
  const code_entry* entry = find(name[0], name[1]);
  if (!entry) d.fail("an array's kernel", "this process does not run the sender's program");
  return entry->make(d);
}

}  // namespace weft::detail::arrays
