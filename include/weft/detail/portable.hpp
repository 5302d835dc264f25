#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "weft/codec.hpp"

namespace weft::detail {

class engine;
struct node;
struct value_type;

/// A node for a value that comes from elsewhere.
struct remote_type {
  node* (*make)(engine&);
  const value_type* value;
};

/// Where a call that came from another process finds its inputs, one after the other.
class input_source {
 public:
  /// The next input, with a handle for the caller. Throws codec_error when there is none, or it has another type.
  virtual node& take(const remote_type& type) = 0;
  virtual std::size_t left() const noexcept = 0;

 protected:
  ~input_source() = default;
};

/// What a call from another process is made by: the type of a function with those of its arguments, in this program.
///
/// Every one that the program can be asked for stands in a list that is complete before main begins, and a process
/// jumps to nothing else. Linkers could gather them in a section, but g++ ignores section attributes of templates (PR
/// 41091), and the assembler cannot refer to them in code for shared libraries.
struct portable_entry {
  explicit portable_entry(node* (*m)(engine&, decoder&, input_source&), const remote_type* v = nullptr) noexcept;
  portable_entry(const portable_entry&) = delete;
  portable_entry& operator=(const portable_entry&) = delete;

  /// Makes the node of a call, of what portable_call::encode wrote. Throws codec_error.
  node* (*make)(engine&, decoder&, input_source&);
  /// Of a call that is nothing but a value: the node that the value may come into later. Null: it is a function's.
  const remote_type* value;
  const portable_entry* next;
};

/// What a node needs to run in another process.
struct portable_call {
  const portable_entry* entry;
  void (*encode)(const node&, encoder&);  // the function and its arguments, without the inputs
  bool waits, submits;                    // a coroutine; a function that takes a client
};

/// A function of this program, or of a library that it is linked with, as it is called in another process: the module
/// by its build-id, and the offset in it. Throws codec_error for one that cannot be found there.
void encode_function(encoder& e, const void* address);
/// Its address in this process. Throws codec_error unless a function of a known module begins there.
const void* decode_function(decoder& d);

/// Lets go of a node that was made, and is not submitted.
void abandon_node(node& n) noexcept;

}  // namespace weft::detail
