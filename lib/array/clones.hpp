#pragma once

/// A function so marked is compiled for several instruction sets, and the loader picks the best that the processor
/// has. For functions of plain loops, whose results must not depend on the choice: their file is compiled with
/// -ffp-contract=off. Not under sanitizers, which are not ready yet when the loader asks.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define WEFT_SANITIZED 1
#endif

#if defined(__x86_64__) && defined(__ELF__) && !defined(WEFT_SANITIZED)
#define WEFT_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define WEFT_CLONES
#endif
