#include "weft/lease.hpp"

#include <string>
#include <utility>

#include "engine/engine.hpp"
#include "weft/errors.hpp"

namespace weft {

task<lease> lease::of(client calls) { co_return lease(std::move(calls)); }

task<lease> lease::of(task<client> calls) {
  client made = co_await std::move(calls);
  co_return lease(std::move(made));
}

task<weft::lease> client::lease() const { return lease(lease_options{}); }

/// No coroutine: what the options refer to may be gone when the task begins.
task<weft::lease> client::lease(lease_options options) const {
  if (options.slots == 0) throw misuse("weft: a lease of no slots: lease_options.slots must be 1 or more");
  const detail::resource_amounts wanted = detail::parse_resources(options.resources);
  if (detail::remote_home* cluster = engine_->cluster())
    return weft::lease::of(cluster->lease({options.slots, options.once, std::string(options.resources)}));
  return weft::lease::of(with({.resources = options.resources}));
}

}  // namespace weft
