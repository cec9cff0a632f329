// `tenon cache`: lists, exports, imports and shrinks the cache. Each function is one subcommand;
// all work on the cache at the default path of cache/location.h.
#pragma once

#include <cstdint>
#include <string>

namespace tenon::cli {

void cache_ls(const std::string& hash_prefix);
void cache_show(const std::string& hash_prefix);  // Error: no kernel's hash begins so
void cache_export(const std::string& file);       // "-": to stdout
void cache_import(const std::string& file);
void cache_prune(std::uint64_t limit);  // bytes of code that may stay
void cache_clear();
void cache_path();

}  // namespace tenon::cli
