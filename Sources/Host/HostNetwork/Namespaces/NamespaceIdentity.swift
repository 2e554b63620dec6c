import CHostNetwork
import Glibc

/// Which network namespace, whatever it is called: the place of its file on the kernel's nsfs, as
/// `ip netns identify` compares them and namespaces(7) describes it.
///
/// The kernel gives the inode of a namespace that is gone to the next one that is made, often at
/// once. So an identity tells namespaces apart only while something holds the first one: a
/// listening socket in it does. What holds nothing must not conclude from an equal identity that
/// the namespace is the same.
public struct NamespaceIdentity: Sendable, Hashable, CustomStringConvertible {
  public let device: UInt64
  public let inode: UInt64

  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  /// As the kernel writes it: `net:[4026532008]`.
  public var description: String { "net:[\(inode)]" }

  /// The identity of an open file; nil where it is none of nsfs.
  init?(descriptor: Int32) {
    var info = stat()
    guard np_is_namespace(descriptor) == 1, unsafe fstat(descriptor, &info) == 0 else { return nil }
    self.init(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
  }
}
