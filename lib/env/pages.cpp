#include "env/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

namespace weft::detail {

namespace {
std::size_t whole_pages(std::size_t size) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}
}  // namespace

std::byte* map_pages(std::size_t size) {
  size = whole_pages(size);
  const std::size_t with_slack = size + huge_page;  // for the alignment; given back below
  if (with_slack < size) throw std::bad_alloc();
  void* const all = ::mmap(nullptr, with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(all);
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
  if (before != 0) ::munmap(begin, before);
  if (before != huge_page) ::munmap(begin + before + size, huge_page - before);
  ::madvise(begin + before, size, MADV_HUGEPAGE);  // a wish: refused, the pages are small
  return begin + before;
}

void unmap_pages(std::byte* pages, std::size_t size) noexcept { ::munmap(pages, whole_pages(size)); }

void prefer_huge_pages(std::span<std::byte> memory) noexcept {
  constexpr std::size_t least = 2 * huge_page;  // so one fits, wherever it begins
  if (memory.size() < least) return;
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(memory.data()) % huge_page) % huge_page;
  ::madvise(memory.data() + before, (memory.size() - before) / huge_page * huge_page, MADV_HUGEPAGE);
}

}  // namespace weft::detail
