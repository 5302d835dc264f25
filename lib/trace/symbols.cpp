#include "trace/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace weft::detail {

namespace {

/// Where the program was loaded: the first object that the loader tells of.
std::uint64_t load_address() {
  std::uint64_t base = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::uint64_t*>(out) = info->dlpi_addr;
        return 1;
      },
      &base);
  return base;
}

/// "f(int) [clone .resume]" of clang, "f(f(int)::_Z1fi.Frame*) [clone .actor]" of g++: a part of the coroutine f. The
/// part is no news, nor is g++'s frame, which is the part's parameter.
std::string demangled(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 && text ? text : mangled;
  std::free(text);
  if (const auto clone = name.find(" [clone "); clone != std::string::npos) name.resize(clone);
  if (name.find(".Frame*)") == std::string::npos) return name;
  // Back to the parenthesis that the last one closes.
  int depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    depth += name[i] == ')' ? 1 : name[i] == '(' ? -1 : 0;
    if (depth == 0 && name[i] == '(') {
      name.resize(i);
      break;
    }
  }
  return name;
}

}  // namespace

symbols::symbols() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  Elf64_Ehdr head{};
  if (!file.read(reinterpret_cast<char*>(&head), sizeof head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_shentsize != sizeof(Elf64_Shdr))
    return;
  std::vector<Elf64_Shdr> sections(head.e_shnum);
  file.seekg(static_cast<std::streamoff>(head.e_shoff));
  if (!file.read(reinterpret_cast<char*>(sections.data()),
                 static_cast<std::streamsize>(sections.size() * sizeof(Elf64_Shdr))))
    return;
  const std::uint64_t base = load_address();
  for (const Elf64_Shdr& s : sections) {
    if (s.sh_type != SHT_SYMTAB || s.sh_entsize != sizeof(Elf64_Sym) || s.sh_link >= sections.size()) continue;
    std::vector<Elf64_Sym> entries(s.sh_size / sizeof(Elf64_Sym));
    std::vector<char> names(sections[s.sh_link].sh_size + 1);
    file.seekg(static_cast<std::streamoff>(s.sh_offset));
    file.read(reinterpret_cast<char*>(entries.data()),
              static_cast<std::streamsize>(entries.size() * sizeof(Elf64_Sym)));
    file.seekg(static_cast<std::streamoff>(sections[s.sh_link].sh_offset));
    file.read(names.data(), static_cast<std::streamsize>(names.size() - 1));
    if (!file) return;
    for (const Elf64_Sym& e : entries)
      if (ELF64_ST_TYPE(e.st_info) == STT_FUNC && e.st_size != 0 && e.st_name < names.size())
        functions_.push_back({base + e.st_value, base + e.st_value + e.st_size, names.data() + e.st_name});
  }
  std::sort(functions_.begin(), functions_.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
}

std::string symbols::name_of(std::uint64_t address) {
  const auto [at, fresh] = known_.try_emplace(address);
  if (!fresh) return at->second;
  auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                [](std::uint64_t a, const function& f) { return a < f.begin; });
  Dl_info info{};
  if (after != functions_.begin() && address < std::prev(after)->end) {
    at->second = demangled(std::prev(after)->name.c_str());
  } else if (::dladdr(reinterpret_cast<void*>(address), &info) != 0 && info.dli_sname) {
    at->second = demangled(info.dli_sname);
  } else {
    std::ostringstream hex;
    hex << "0x" << std::hex << address;
    at->second = hex.str();
  }
  return at->second;
}

}  // namespace weft::detail
