/// Why a disk image was left as it was.
public struct DiskImageError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: String, Sendable, Hashable, CaseIterable {
    /// The file is no image that can be written to, or its form is not known.
    case notAnImage
    /// A guest, or another program, has it open.
    case inUse
    /// It refers to other files of the host, or is encrypted.
    case external
    /// What it holds contradicts itself.
    case damaged
    /// A sound file system or table with a property that is not supported.
    case unsupported
    /// No root file system was found, or several.
    case noRoot
    /// A path inside the image leads over a link, or to something that is no plain file.
    case notPlain
    /// A user is not declared inside the image.
    case noUser
    /// What was asked for contradicts itself or the image.
    case request
    /// A bound was passed.
    case tooLarge
    /// The host refuses: permissions, space, a tool that is missing.
    case host
  }

  public let reason: Reason
  /// What is wrong and what to do, for the person who typed the command.
  public let description: String

  public init(_ reason: Reason, _ description: String) {
    self.reason = reason
    self.description = description
  }
}
