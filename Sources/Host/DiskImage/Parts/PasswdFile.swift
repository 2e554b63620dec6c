/// A user as an image's own /etc/passwd has it.
struct GuestUser: Hashable, Sendable {
  let name: String
  let uid: UInt32
  let gid: UInt32
  let home: GuestPath
}

/// An image's /etc/passwd: bytes that a guest may have written, so nothing is assumed of a line.
struct PasswdFile {
  static let path = GuestPath(["etc", "passwd"])
  /// A directory service's export of ten thousand users is half of it.
  static let maximumBytes = 1024 * 1024

  private let lines: [ArraySlice<UInt8>]

  init(_ bytes: [UInt8]) { lines = bytes.split(separator: 0x0A) }

  /// - Throws: ``DiskImageError`` where there is no such user, or its line makes no sense.
  func user(_ name: String) throws(DiskImageError) -> GuestUser {
    let wanted = Array(name.utf8)
    let found = lines.first { line in
      line.starts(with: wanted) && line.dropFirst(wanted.count).first == UInt8(ascii: ":")
    }
    guard let found else {
      throw DiskImageError(.noUser, "the image has no user '\(name)' in /etc/passwd")
    }
    let fields = found.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    let unusable = DiskImageError(
      .noUser, "the line of user '\(name)' in the image's /etc/passwd cannot be used")
    guard fields.count == 7, let uid = PasswdFile.number(fields[2]),
      let gid = PasswdFile.number(fields[3]),
      let home = String(validating: fields[5], as: UTF8.self)
    else { throw unusable }
    let path: GuestPath
    do {
      path = try GuestPath(home, "the home of '\(name)'")
    } catch { throw unusable }
    guard !path.names.isEmpty else { throw unusable }
    return GuestUser(name: name, uid: uid, gid: gid, home: path)
  }

  /// 2^32 - 1 means "no user" to the kernel.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
    guard digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = UInt32(String(decoding: digits, as: UTF8.self)), number < UInt32.max
    else { return nil }
    return number
  }
}
