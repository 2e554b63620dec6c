import Foundation
import Testing

/// The text of a file in Fixtures.
func fixture(_ name: String) throws -> String {
  let url = try #require(
    Bundle.module.url(forResource: name, withExtension: "yaml", subdirectory: "Fixtures"))
  return try String(contentsOf: url, encoding: .utf8)
}
