import Foundation
import TestKit

@testable import DiskImage

/// libguestfs where it is installed, and images that only it can write to. Each start of its virtual
/// machine takes about a quarter of a minute.
enum Libguestfs {
  /// Whether it is there with a kernel for its virtual machine, and with the tools that make images.
  static let isThere: Bool = {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
    let has = { (tool: String) in
      folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
    }
    let kernels = (try? FileManager.default.contentsOfDirectory(atPath: "/boot")) ?? []
    let hasKernel = kernels.contains {
      $0.hasPrefix("vmlinuz") && FileManager.default.isReadableFile(atPath: "/boot/\($0)")
    }
    return hasKernel && ["guestfish", "mkfs.xfs", "mkfs.btrfs", "lvs"].allSatisfy(has)
  }()

  /// KVM within a virtual machine may hang, and then each start would take minutes.
  static let environment = ["LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"]

  /// Makes `disk.img` of the tree `root`, whose names have no spaces, as mkfs.xfs takes it.
  static let xfs = """
    tree() {
      for f in "$1"/* "$1"/.[a-z]*; do
        n=${f##*/}; if [ ! -e "$f" ] && [ ! -L "$f" ]; then continue; fi
        set -- "$1" $(stat -c '%a %u %g' "$f")
        p=$(printf '%03d' "$2")
        if [ -L "$f" ]; then echo "$n l--777 0 0 $(readlink "$f")"
        elif [ -d "$f" ]; then echo "$n d--$p $3 $4"; tree "$f"; echo '$'
        else echo "$n ---$p $3 $4 $f"; fi
      done
    }
    rm -f fs; { printf '/dev/null\\n0 0\\nd--755 0 0\\n'; tree root; echo '$'; } >proto
    truncate -s 320M disk.img; mkfs.xfs -q -p proto disk.img; rm proto
    """

  /// The same with Btrfs.
  static let btrfs = """
    rm -f fs; truncate -s 160M disk.img; mkfs.btrfs -q --rootdir root disk.img >/dev/null
    """
}

extension TestImage {
  /// Has guestfish run a script on `disk.img`, which is a disk and, for making, may be written to.
  @discardableResult
  func guestfish(_ script: String, options: String = "readonly:true") async throws -> String {
    try await sh(
      """
      export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS=force_tcg
      guestfish <<'END'
      add-drive "\(folder)/disk.img" format:raw \(options)
      run
      \(script)
      END
      """)
  }

  /// What guestfish's tar has packed.
  func unpack() async throws -> UnpackedGuest {
    // Extended attributes are asked for where they matter, and owners are only listed.
    let list = try await sh(
      """
      rm -rf out; mkdir out; tar -xf out.tar -C out --no-same-owner
      tar --numeric-owner --quoting-style=literal -tvf out.tar
      """)
    return UnpackedGuest(folder: "\(folder)/out", list: list)
  }
}

/// A guest's files, as tar gives them.
struct UnpackedGuest {
  let folder: String
  let list: String

  func text(_ path: String) throws -> String {
    try String(contentsOfFile: folder + path, encoding: .utf8)
  }

  func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: folder + path)))
  }

  /// `-rw-r--r-- 0/0` of a path without spaces.
  func facts(_ path: String) -> String {
    let line = list.split(separator: "\n").first { line in
      [".\(path)", ".\(path)/"].contains(line.split(separator: " ").last.map(String.init))
    }
    return line?.split(separator: " ").prefix(2).joined(separator: " ") ?? "nothing"
  }
}
