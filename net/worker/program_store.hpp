#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "env/new_file.hpp"
#include "spill/scratch.hpp"
#include "transport/program_manifest.hpp"

namespace weft::net {

/// A program, or a file of it, is not taken: a sentence.
class bad_program : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Files of programs, by their digests, in a directory of this user alone that nannies of this machine may share.
///
/// A file is called by its digest in hexadecimal, and has that content: it is written in a directory of this
/// process's (scratch_directory: gone with it, or soon after), its digest is made meanwhile, and only a file whose
/// digest is right gets its name, by a rename. Nobody writes to it again. When the files take more than `capacity`,
/// those that were not used for longest go; a program that runs has links of its own to its files, so that they may
/// go at any time. All calls may block for the disk.
class program_store {
 public:
  struct options {
    std::string directory;
    std::uint64_t capacity = std::uint64_t{4} << 30;
  };
  /// Makes the directory if need be. Throws bad_program when others may write there, or std::system_error.
  explicit program_store(options how);

  /// Marks it as used.
  bool has(const program_manifest::file& f) const;

  /// A file on its way in. What it has written goes with it, unless it is complete.
  class incoming {
   public:
    ~incoming();
    incoming(const incoming&) = delete;
    incoming& operator=(const incoming&) = delete;
    /// The next bytes. Throws bad_program unless they are the next, and when the disk does not take them.
    void add(std::uint64_t offset, std::span<const std::byte> bytes);
    /// All bytes are there, their digest was right, and has() is true.
    bool complete() const noexcept { return complete_; }

   private:
    friend class program_store;
    incoming(program_store& to, program_manifest::file f);
    program_store& to_;
    const program_manifest::file file_;
    const std::string path_;
    detail::new_file out_;
    sha256 digest_;
    std::uint64_t received_ = 0;
    bool complete_ = false;
  };
  /// Makes room. Throws bad_program.
  std::unique_ptr<incoming> receive(const program_manifest::file& f);

  /// A directory with the program's files under their own names. Throws bad_program when one is missing.
  std::string assemble(const program_manifest& p);
  void remove(const std::string& assembled) noexcept;

  const std::string& directory() const noexcept { return options_.directory; }
  /// Of the files that have their names.
  std::uint64_t bytes() const;

 private:
  std::string path_of(const digest& d) const { return options_.directory + "/" + hexadecimal(d); }
  void make_room(std::uint64_t bytes);

  options options_;
  std::unique_ptr<detail::scratch_directory> own_;
  std::uint64_t made_ = 0;
};

/// Where programs are kept when nobody says: `weft/programs` in XDG_CACHE_HOME or ~/.cache, else in /var/tmp.
std::string default_program_cache();

}  // namespace weft::net
