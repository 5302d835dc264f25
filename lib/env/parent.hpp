#pragma once

#include <string>

namespace weft::detail {

/// What child_process::options.environment holds for a child that is to end when this process does.
std::string parent_setting();

/// In such a child, at its beginning: when its parent is gone, however it died, this process gets SIGTERM, and ten
/// seconds later SIGKILL. In any other process this does nothing.
///
/// posix_spawn cannot ask for PR_SET_PDEATHSIG, which would go by the parent's thread besides. So the child watches
/// its parent by a pidfd, from a thread of its own, which goes on when all others are busy. A parent that was gone
/// before is noticed by getppid(), a process that has its number again deceives nobody. Where the kernel has no pidfd
/// the thread looks once a second.
void end_with_parent();

/// Whether this is such a child, and has not called end_with_parent() yet.
bool is_to_end_with_parent();

}  // namespace weft::detail
