/// An absolute path inside an image: plain names, no `.`, `..` or doubled slash.
struct GuestPath: Hashable, Sendable, CustomStringConvertible, Comparable {
  let names: [String]

  init(_ names: [String]) { self.names = names }

  /// - Parameter what: Who names the path, for the error.
  init(_ text: String, _ what: String) throws(DiskImageError) {
    guard text.hasPrefix("/"), text.utf8.count <= 4095 else {
      throw DiskImageError(.request, "\(what): '\(text)' must be an absolute path of the guest")
    }
    // By bytes: a slash with an accent upon it is no other letter to a kernel.
    let names = text.utf8.split(separator: UInt8(ascii: "/"))
      .map { String(decoding: $0, as: UTF8.self) }
    for name in names {
      guard name != ".", name != "..", name.utf8.count <= 255,
        !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      else {
        throw DiskImageError(
          .request,
          "\(what): the path must not have '.', '..', control characters or names of over 255 bytes"
        )
      }
    }
    self.names = names
  }

  var parent: GuestPath { GuestPath(names.dropLast()) }
  var name: String { names.last ?? "" }
  var description: String { "/" + names.joined(separator: "/") }

  static func / (folder: GuestPath, name: String) -> GuestPath { GuestPath(folder.names + [name]) }

  static func < (left: GuestPath, right: GuestPath) -> Bool {
    left.names.lexicographicallyPrecedes(right.names)
  }
}
