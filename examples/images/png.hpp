#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace images {

/// Writes a grey picture, row by row, as PNG (ISO/IEC 15948): 8 bits a pixel, `width * height` of them. Throws
/// std::runtime_error when the file cannot be written.
void write_png(const std::string& path, std::span<const std::uint8_t> grey, std::size_t width, std::size_t height);

}  // namespace images
