public import Inventory

/// One thing that differs inside an image between what is there and what is wanted.
public struct InjectionChange: Sendable, Hashable {
  public enum Action: String, Sendable, CaseIterable {
    case create
    case replace
    /// Only mode, owner or label.
    case adjust
    case remove
  }

  /// The path inside the image.
  public let path: String
  public let action: Action
  public let isDirectory: Bool
  public let mode: UInt32
  public let uid: UInt32
  public let gid: UInt32
  /// The SELinux label, where one is set.
  public let label: String?
  /// What it is for, in a few words.
  public let purpose: String
  /// A file's content before, where there was one, and afterwards.
  public let before: Secret<[UInt8]>?
  public let after: Secret<[UInt8]>?
  /// Whether the content may be shown to a person.
  public let isShown: Bool

  /// The deepest directory of the path that was there before, and the names below it.
  let base: String
  let below: [String]
}

/// What should be at a path of an image.
struct WantedNode {
  enum Content {
    case directory
    case file([UInt8])
    case absent
  }

  let path: GuestPath
  let content: Content
  var mode: UInt32
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  /// Where it is there already, its own mode and owner stay.
  var keepsOwn = false
  /// The type of its SELinux label; nil for that of the directory that it is in.
  var labelType: String?
  var purpose: String
  var isShown = true
}
