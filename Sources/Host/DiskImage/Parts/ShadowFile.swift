import HostProcess

/// An image's /etc/shadow, in which one user's password is set as `passwd` would.
struct ShadowFile {
  static let path = GuestPath(["etc", "shadow"])
  static let maximumBytes = PasswdFile.maximumBytes
  /// openssl cuts longer ones off.
  static let maximumPasswordBytes = 255

  private var lines: [[UInt8]]

  init(_ bytes: [UInt8]) {
    lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
  }

  var bytes: [UInt8] { Array(lines.joined(separator: [0x0A])) }

  /// Sets a password; where it is the user's already, nothing is changed, so that injecting again
  /// finds nothing to do. All other fields stay.
  mutating func set(_ password: String, of user: String) async throws(DiskImageError) {
    let bytes = Array(password.utf8)
    guard !bytes.isEmpty, bytes.count <= ShadowFile.maximumPasswordBytes,
      bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else {
      throw DiskImageError(
        .request,
        "adminPassword cannot be set: it must have 1 to \(ShadowFile.maximumPasswordBytes) bytes "
          + "and no control characters")
    }
    let prefix = Array("\(user):".utf8)
    guard let index = lines.firstIndex(where: { $0.starts(with: prefix) }) else {
      throw DiskImageError(.noUser, "the image has no user '\(user)' in /etc/shadow")
    }
    var fields = lines[index].split(
      separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard fields.count >= 2 else {
      throw DiskImageError(
        .noUser, "the line of user '\(user)' in the image's /etc/shadow cannot be used")
    }
    let old = String(decoding: fields[1], as: UTF8.self)
    if let salt = ShadowFile.salt(of: old),
      try await ShadowFile.hash(password, salt: salt) == old
    {
      return
    }
    let hash = try await ShadowFile.hash(password, salt: ShadowFile.newSalt())
    fields[1] = Array(hash.utf8)[...]
    lines[index] = Array(fields.joined(separator: [UInt8(ascii: ":")]))
  }

  /// What stands between the second and the third `$` of SHA-512 crypt.
  private static func salt(of hash: String) -> String? {
    let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].isEmpty, parts[1] == "6", (1...16).contains(parts[2].count),
      parts[2].utf8.allSatisfy({ alphabet.contains($0) })
    else { return nil }
    return String(parts[2])
  }

  private static let alphabet = Array(
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  private static func newSalt() -> String {
    var generator = SystemRandomNumberGenerator()
    return String(
      decoding: (0..<16).compactMap { _ in alphabet.randomElement(using: &generator) },
      as: UTF8.self)
  }

  /// SHA-512 crypt, which every guest's C library knows. The password goes in where nobody sees it.
  private static func hash(_ password: String, salt: String) async throws(DiskImageError) -> String
  {
    do {
      let out = try await HostTools().run(
        "openssl", ["passwd", "-6", "-salt", salt, "-stdin"], input: password + "\n")
      return out.filter { !$0.isWhitespace }
    } catch {
      throw DiskImageError(
        .host,
        error.isMissingTool
          ? "openssl is not installed: it makes the password's hash (on Debian: apt install openssl)"
          : error.description)
    }
  }
}
