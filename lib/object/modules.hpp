#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::detail {

/// A file that is loaded as code: the program, or a shared library.
struct module {
  std::vector<std::byte> build_id;  // empty: it was linked without one
  std::string path;                 // the program's as it was started
  std::uintptr_t base = 0;          // what offsets count from
  std::uintptr_t begin = 0, end = 0;
  std::uintptr_t unwind = 0;  // its .eh_frame_hdr; 0: none
  /// The first eight bytes of the build-id; 0 when there is none.
  std::uint64_t key() const noexcept;
};

/// The same of a build-id that came from elsewhere.
std::uint64_t module_key(std::span<const std::byte> build_id) noexcept;

/// The modules of this process, the program first. Libraries that are loaded later are found when they are first
/// asked for. All members may be called by any thread.
const module* find_module(const void* address);
const module* find_module(std::uint64_t key);
const module& program_module();

/// What the processes of a session have in common: their program; or, for those of the library's kernels alone, the
/// shared library that weft is in. Throws misuse when weft is in the program itself.
const module& common_module(bool library);

/// Whether a function begins there, as the module's unwind table has it: every function of a program that may throw
/// is in it, stripped or not.
bool is_function(const module& m, std::uintptr_t address) noexcept;

/// `build-id` in hexadecimal.
std::string hexadecimal(const std::vector<std::byte>& bytes);

}  // namespace weft::detail
