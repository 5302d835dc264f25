#include "object/functions.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>

#include "object/modules.hpp"

namespace weft::detail {

namespace {

/// Entries enter while the program and its libraries are loaded; nobody leaves.
constinit std::atomic<const portable_entry*> entries{nullptr};

const module& module_of(const void* address, const char* what, std::uint64_t only) {
  const module* m = find_module(address);
  if (!m) throw codec_error(std::string("weft: cannot encode ") + what + ": it is in no module that is loaded");
  if (m->build_id.empty())
    throw codec_error(std::string("weft: cannot encode ") + what + ": " +
                      (m->path.empty() ? "the program" : m->path) +
                      " has no build-id, so that no other process can know it again: link it with -Wl,--build-id");
  if (only != 0 && m->key() != only)
    throw codec_error(std::string("weft: cannot encode ") + what + ": it is code of " +
                      (m->path.empty() ? "the program" : m->path) +
                      ", and this session is for the library's kernels alone: connect without `library`, and the "
                      "workers run the program");
  return *m;
}

/// Libraries of the system belong to a machine: another may have other ones, and what the loader gave for this
/// machine's processor (sin of libm) is wrong for another's.
bool is_of_the_system(const module& m) {
  for (const char* place : {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"})
    if (m.path.rfind(place, 0) == 0) return true;
  return false;
}

}  // namespace

portable_entry::portable_entry(node* (*m)(engine&, decoder&, input_source&), const remote_type* v) noexcept
    : make(m), value(v), next(entries.load(std::memory_order_relaxed)) {
  while (!entries.compare_exchange_weak(next, this, std::memory_order_release, std::memory_order_relaxed)) {}
}

entry_name name_of_code(const void* address, const char* what, std::uint64_t only) {
  const module& m = module_of(address, what, only);
  return {m.key(), reinterpret_cast<std::uintptr_t>(address) - m.base};
}

entry_name name_of(const portable_entry& e, std::uint64_t only) {
  return name_of_code(&e, "a task's function", only);
}

const portable_entry* find_entry(entry_name name) {
  static std::mutex lock;
  static std::unordered_map<const void*, const portable_entry*> known;
  static const portable_entry* newest = nullptr;
  static std::array<std::atomic<const portable_entry*>, 64> found;  // without the lock
  const module* m = find_module(name.module);
  if (!m) return nullptr;
  const auto* address = reinterpret_cast<const void*>(m->base + name.offset);
  auto& mostly = found[name.offset / alignof(portable_entry) % found.size()];
  if (const portable_entry* e = mostly.load(std::memory_order_acquire); e && e == address) return e;
  std::lock_guard guard(lock);
  const portable_entry* first = entries.load(std::memory_order_acquire);
  for (const portable_entry* e = first; e != newest; e = e->next) known.emplace(e, e);
  newest = first;
  const auto at = known.find(address);
  if (at == known.end()) return nullptr;
  mostly.store(at->second, std::memory_order_release);
  return at->second;
}

void encode_function(encoder& e, const void* address) {
  const module& m = module_of(address, "a function", e.only_functions_of());
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (is_of_the_system(m) && m.key() != e.only_functions_of())
    throw codec_error("weft: cannot encode a function of " + m.path +
                      ": another machine may have another one there, or one for other processors; wrap it in a "
                      "lambda: [](double x) { return std::sin(x); }");
  const std::uint64_t name[2] = {m.key(), at - m.base};
  e.put(name, sizeof name);
}

const void* decode_function(decoder& d) {
  std::uint64_t name[2];
  d.get(name, sizeof name, "a function");
  const module* m = find_module(name[0]);
  if (!m) d.fail("a function", "this process has no module of its build-id: it does not run the sender's program");
  const std::uintptr_t at = m->base + name[1];
  if (at < m->begin || at >= m->end || !is_function(*m, at))
    d.fail("a function", "no function of the module begins at its offset");
  return reinterpret_cast<const void*>(at);
}

}  // namespace weft::detail
