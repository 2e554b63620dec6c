import ArgumentParser
import DiskImage
import Inventory

struct Inject: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes host name, keys, network and files into a disk image, without mounting it.",
    discussion: """
      Examples:
        nameplate inject web-1.qcow2 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate inject web-1.raw -f web-1.yaml --user debian --dry-run
        nameplate inject web-1.raw -f web-1.yaml --file motd:/etc/motd
        nameplate inject web-1.raw -f web-1.yaml --file key:/etc/key,mode=0600,owner=web

      The image is raw or qcow2, with ext2, ext3 or ext4 on the whole disk or in a partition; where \
      guestfish is installed, with XFS or Btrfs too, or in a logical volume. Its guest must be shut \
      down. All is done on a copy beside it, which takes its place once checked; \
      whatever fails leaves the image as it was.
      """)

  @Argument(help: "The disk image.") var image: String
  @Argument(help: "The instance; not needed where a manifest declares one.") var id: InstanceID?
  @OptionGroup var source: InstanceSource
  @Option(help: "The user of the image who gets the keys.") var user = "root"
  @Flag(help: "Gives root the record's adminPassword.") var adminPassword = false
  @Option(
    name: .customLong("file"), parsing: .singleValue,
    help: "LOCAL:PATH[,mode=MODE][,owner=USER], a file for the image; may be repeated.")
  var localFiles: [LocalFileArgument] = []
  @Option(help: "auto, netplan, ifupdown, networkd or none.") var network: NetworkingArgument =
    .auto
  @Option(help: "SELinux: auto, context, autorelabel or none.")
  var selinux: SELinuxArgument = .auto
  @Option(help: "The partition with the root file system, where several could be it.")
  var partition: Int?
  @Flag(help: "Shows what would be changed; the image is only read.") var dryRun = false
  @OptionGroup var format: OutputOptions

  func run() async throws {
    var request = InjectionRequest(view: try await source.view(of: id))
    request.user = user
    request.setsPassword = adminPassword
    request.networking = network.networking
    request.selinux = selinux.selinux
    request.partition = partition
    guard localFiles.count <= Injection.maximumLocalFiles else {
      throw ValidationError("at most \(Injection.maximumLocalFiles) files are taken")
    }
    request.files = try localFiles.map { try $0.read() }
    let injector = Injector(imagePath: image) { Terminal.write("\($0)\n") }
    let report = try await injector.inject(request, isDry: dryRun)
    InjectionOutput(report: report, isDry: dryRun).print(format)
  }
}

/// How a guest's network is configured, as it is written on a command line.
enum NetworkingArgument: String, ExpressibleByArgument, CaseIterable {
  case auto
  case netplan
  case ifupdown
  case networkd
  case none

  var networking: InjectionRequest.Networking {
    switch self {
    case .auto: .automatic
    case .none: .skipped
    case .netplan: .fixed(.netplan)
    case .ifupdown: .fixed(.ifupdown)
    case .networkd: .fixed(.networkd)
    }
  }
}

/// How SELinux labels are kept, as it is written on a command line.
enum SELinuxArgument: String, ExpressibleByArgument, CaseIterable {
  case auto
  case context
  case autorelabel
  case none

  var selinux: InjectionRequest.SELinux {
    switch self {
    case .auto: .automatic
    case .context: .context
    case .autorelabel: .autorelabel
    case .none: .none
    }
  }
}
