#pragma once

#include <memory>
#include <string>
#include <utility>

#include "transport/stream.hpp"

namespace weft::net {

/// The two ends of a connection within the process. Small writes go through a ring of 64 KiB each way; of a large one
/// the reader takes the bytes from where they are, by one copy.
std::pair<std::unique_ptr<stream>, std::unique_ptr<stream>> make_in_process_pair(const std::string& name);

/// Throws transport_error when nobody listens under the name.
std::unique_ptr<stream> connect_in_process(const address& a);
/// Throws transport_error when somebody listens under the name already.
std::unique_ptr<listener> listen_in_process(const address& a);

}  // namespace weft::net
