#pragma once

namespace bench {

/// First in main: the group `cluster` starts this program again as its workers, and in these it does not return.
/// Nothing where this was built without the network.
void serve_if_worker(int argc, char** argv);

}  // namespace bench
