import Glibc

/// A folder beside an image in which its copy is worked on, so that the copy can take the image's
/// place in one step. Its name follows from the image's: one that a killed run left is found, and
/// replaced, by the next.
final class ImageWorkspace: Sendable {
  let folder: String
  var tool: ImageTool { ImageTool(in: folder) }

  /// - Parameters:
  ///   - image: Claimed by the caller, so that no other run uses the folder.
  ///   - isDry: Nothing is to take the image's place, so it may be elsewhere too.
  init(for image: ImageFile, isDry: Bool) throws(DiskImageError) {
    let parts = image.path.split(separator: "/")
    let parent = "/" + parts.dropLast().joined(separator: "/")
    let beside = "\(parent)/.\(parts.last ?? "image").nameplate-inject"
    try ImageWorkspace.removeOld(beside)
    if unsafe mkdir(beside, 0o700) == 0 {
      folder = beside
      return
    }
    let why = ImageFile.lastError
    guard isDry else {
      throw DiskImageError(.host, "no copy can be made beside the image, in '\(parent)': \(why)")
    }
    let temporary = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(temporary)/nameplate-inject-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw DiskImageError(.host, "'\(temporary)' takes no folder: \(ImageFile.lastError)")
    }
    folder = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func write(_ name: String, _ content: [UInt8]) throws(DiskImageError) {
    let descriptor = unsafe open(path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failed(name) }
    defer { close(descriptor) }
    var done = 0
    while done < content.count {
      let more = unsafe content[done...].withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      guard more > 0 else {
        if more < 0 && errno == EINTR { continue }
        throw failed(name)
      }
      done += more
    }
  }

  /// A name of ours for a file that is only read: what the operator called it reaches no tool.
  func link(_ name: String, to target: String) throws(DiskImageError) {
    guard unsafe symlink(target, path(name)) == 0 else { throw failed(name) }
  }

  func remove(_ name: String) { unsafe unlink(path(name)) }

  /// Takes the folder away with all that is in it.
  func remove() { ImageWorkspace.empty(folder) }

  private func failed(_ name: String) -> DiskImageError {
    DiskImageError(.host, "'\(path(name))' cannot be written: \(ImageFile.lastError)")
  }

  // MARK: What a killed run left

  private static func removeOld(_ path: String) throws(DiskImageError) {
    var facts = stat()
    guard unsafe lstat(path, &facts) == 0 else { return }
    guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == geteuid(),
      facts.st_mode & 0o077 == 0
    else {
      throw DiskImageError(.host, "'\(path)' is in the way, and not from a run of this user")
    }
    empty(path)
    if unsafe lstat(path, &facts) == 0 {
      throw DiskImageError(.host, "'\(path)' is in the way and cannot be removed")
    }
  }

  /// There are only plain files and links in it, and links are not followed.
  private static func empty(_ path: String) {
    guard let folder = unsafe opendir(path) else { return }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      names.append(
        unsafe withUnsafePointer(to: &entry.pointee.d_name) {
          unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        })
    }
    unsafe closedir(folder)
    for name in names where name != "." && name != ".." { unsafe unlink("\(path)/\(name)") }
    unsafe rmdir(path)
  }
}
