#include "object/modules.hpp"

#include <elf.h>
#include <link.h>

#include <atomic>
#include <cstring>
#include <list>
#include <mutex>
#include <string_view>

#include "weft/errors.hpp"

namespace weft::detail {

namespace {

void read_notes(module& m, std::uintptr_t at, std::size_t bytes, std::size_t align) {
  const auto up = [align](std::size_t n) { return (n + align - 1) & ~(align - 1); };
  const std::uintptr_t end = at + bytes;
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    ElfW(Nhdr) note;
    std::memcpy(&note, reinterpret_cast<const void*>(at), sizeof note);
    const std::uintptr_t name = at + sizeof note, text = name + up(note.n_namesz);
    if (text + note.n_descsz > end) return;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(reinterpret_cast<const void*>(name), "GNU", 4) == 0) {
      const auto* first = reinterpret_cast<const std::byte*>(text);
      m.build_id.assign(first, first + note.n_descsz);
    }
    at = text + up(note.n_descsz);
  }
}

int add_module(dl_phdr_info* info, std::size_t, void* out) {
  module m;
  m.path = info->dlpi_name;
  m.base = info->dlpi_addr;
  m.begin = UINTPTR_MAX;
  for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
    const auto& h = info->dlpi_phdr[i];
    const std::uintptr_t at = m.base + h.p_vaddr;
    if (h.p_type == PT_LOAD) {
      m.begin = at < m.begin ? at : m.begin;
      m.end = at + h.p_memsz > m.end ? at + h.p_memsz : m.end;
    } else if (h.p_type == PT_NOTE) {
      read_notes(m, at, h.p_memsz, h.p_align == 8 ? 8 : 4);
    } else if (h.p_type == PT_GNU_EH_FRAME) {
      m.unwind = at;
    }
  }
  static_cast<std::list<module>*>(out)->push_back(std::move(m));
  return 0;
}

/// Lists do not move their elements: references stay good. Libraries that were unloaded stay listed, and their
/// addresses may be another's later: the newest is looked at first.
struct module_table {
  std::mutex lock;
  std::list<module> all;
  std::atomic<const module*> last{nullptr};  // found, and no newer one has come since: mostly the next one too

  template <class Match>
  const module* find(Match match) {
    if (const module* m = last.load(std::memory_order_acquire); m && match(*m)) return m;
    std::lock_guard guard(lock);
    for (int round = 0; round < 2; ++round) {
      for (auto m = all.rbegin(); m != all.rend(); ++m) {
        if (!match(*m)) continue;
        last.store(&*m, std::memory_order_release);
        return &*m;
      }
      if (round == 0) renew();
    }
    return nullptr;
  }
  void renew() {
    last.store(nullptr, std::memory_order_release);
    std::list<module> now;
    ::dl_iterate_phdr(&add_module, &now);
    for (module& m : now) {
      bool known = false;
      for (const module& k : all) known = known || (k.base == m.base && k.path == m.path && k.end == m.end);
      if (!known) all.push_back(std::move(m));
    }
  }
};
module_table& table() {
  static module_table t;
  return t;
}

}  // namespace

std::uint64_t module_key(std::span<const std::byte> build_id) noexcept {
  std::uint64_t k = 0;
  if (!build_id.empty()) std::memcpy(&k, build_id.data(), build_id.size() < sizeof k ? build_id.size() : sizeof k);
  return k;
}
std::uint64_t module::key() const noexcept { return module_key(build_id); }

const module* find_module(const void* address) {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  return table().find([a](const module& m) { return a >= m.begin && a < m.end; });
}
const module* find_module(std::uint64_t key) {
  return table().find([key](const module& m) { return !m.build_id.empty() && m.key() == key; });
}
const module& program_module() {
  static const module& program = [&]() -> const module& {
    find_module(reinterpret_cast<const void*>(std::uintptr_t{1}));  // fills the table; nothing is there
    std::lock_guard guard(table().lock);
    return table().all.front();
  }();
  return program;
}

const module& common_module(bool library) {
  if (!library) return program_module();
  static constexpr char in_it = 0;
  const module* own = find_module(&in_it);
  if (own == nullptr || own == &program_module())
    throw misuse(
        "weft: a session of the library's kernels alone needs weft as a shared library, and this program has it in "
        "itself: link it with weft::shared, or connect without `library`");
  return *own;
}

/// The table of .eh_frame_hdr, as linkers write it (Linux Standard Base, core, 10.6.2): pairs of 32-bit offsets from
/// its own beginning, sorted: where a function begins, and its entry.
bool is_function(const module& m, std::uintptr_t address) noexcept {
  if (m.unwind == 0) return false;
  std::uint8_t encodings[4];  // version; of the frame pointer, the count, the table
  std::memcpy(encodings, reinterpret_cast<const void*>(m.unwind), sizeof encodings);
  constexpr std::uint8_t pcrel_sdata4 = 0x1b, udata4 = 0x03, datarel_sdata4 = 0x3b;
  if (encodings[0] != 1 || encodings[1] != pcrel_sdata4 || encodings[2] != udata4 || encodings[3] != datarel_sdata4)
    return false;
  std::uint32_t count = 0;
  std::memcpy(&count, reinterpret_cast<const void*>(m.unwind + 8), sizeof count);
  const std::uintptr_t first = m.unwind + 12;
  std::size_t low = 0, high = count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    std::int32_t offset = 0;
    std::memcpy(&offset, reinterpret_cast<const void*>(first + middle * 8), sizeof offset);
    const std::uintptr_t begins = m.unwind + static_cast<std::uintptr_t>(std::intptr_t{offset});
    if (begins == address) return true;
    if (begins < address)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

std::string hexadecimal(const std::vector<std::byte>& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    text += digits[std::to_integer<unsigned>(b) >> 4];
    text += digits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

}  // namespace weft::detail
