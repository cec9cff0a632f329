// How rows are named: hashes over fields that are kept apart, so that ("ab", "c") and ("a", "bc")
// differ. The session makes artifact keys here; the cache itself names devices and checks code.
//
// XXH3 finds accidents, not forgers: against those the cache relies on the file's owner
// (location.h).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "cache/rows.h"

namespace tenon {

// Everything that decides the bytes of an artifact. A change of any one is another artifact.
struct ArtifactIdentity {
  std::string moves;     // the whole schedule as text
  std::string workload;  // canonical text with shapes, types and numerics class, not its hash
  std::string isa;       // resolved, never "native"
  std::string compiler;  // with its version
  std::string flags;
  std::string build;  // identifies this build of Tenon
};

// The key of the artifact that `identity` compiles to: 32 hexadecimal digits.
std::string artifact_key(const ArtifactIdentity& identity);

// The identity of a device: 32 hexadecimal digits over all of its fields but `probed`.
std::string device_id(const DeviceRow& device);

// XXH3 (128 bits) over the fields, each preceded by its length: 32 hexadecimal digits.
std::string hash_fields(std::initializer_list<std::string_view> fields);

}  // namespace tenon
