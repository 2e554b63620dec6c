/// What injection needs of a root file system, whatever tool reads and writes it.
///
/// A node is named by where it was found, and it was found by its name in a directory that was found
/// before: nobody here is given a path to walk, so that ``GuestTree`` alone decides what is followed.
protocol GuestVolume: AnyObject {
  /// The tool that ``check()`` asks, for errors.
  var checker: String { get }

  var root: GuestNode { get }

  /// Reads the whole structure and changes nothing of the guest's.
  /// - Returns: What is wrong, a line each; nothing where all is well.
  func check() async throws(DiskImageError) -> [String]

  /// What a directory has under a name, itself not followed.
  func child(_ name: String, of folder: GuestNode) async throws(DiskImageError) -> GuestNode?

  /// The names in a directory that are text.
  func names(in folder: GuestNode) async throws(DiskImageError) -> [String]

  func facts(of node: GuestNode) async throws(DiskImageError) -> GuestFacts

  /// A file's bytes.
  /// - Parameter size: How many it has, which the caller has held against its bound.
  func bytes(of node: GuestNode, size: Int64) async throws(DiskImageError) -> [UInt8]

  /// The SELinux label, with the NUL that the kernel keeps at its end; nil where there is none.
  func label(of node: GuestNode) async throws(DiskImageError) -> [UInt8]?

  /// Makes changes that were planned on this volume. What was found before may be wrong afterwards.
  func apply(_ changes: [InjectionChange]) async throws(DiskImageError)
}
