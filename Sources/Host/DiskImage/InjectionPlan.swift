import Dialects
import Inventory

/// Bounds of injection, each with its reason.
public enum Injection {
  /// One file that is read or written whole, in memory. A static program fits, an archive does not.
  public static let maximumFileBytes = 32 * 1024 * 1024
  /// Files of one injection from the command line.
  public static let maximumLocalFiles = 256
}

/// What a request makes of what an image holds.
struct InjectionPlan {
  let changes: [InjectionChange]
  let networking: GuestNetworking?
  let notes: [String]

  init(_ request: InjectionRequest, on volume: some GuestVolume) async throws(DiskImageError) {
    let tree = GuestTree(volume)
    let etc = try await tree.find(GuestPath(["etc"]))
    guard let folder = etc.node, folder.kind == .directory else {
      throw DiskImageError(
        .noRoot, "the file system has no directory /etc: it is no root file system")
    }
    let isLabelled = try await tree.label(of: folder) != nil
    let setsLabels = [.automatic, .context].contains(request.selinux) && isLabelled
    if request.selinux == .context, !isLabelled {
      throw DiskImageError(
        .request, "the image has no SELinux labels to go by; use --selinux autorelabel or none")
    }
    var builder = InjectionBuilder(request, ChangePlanner(tree, setsLabels: setsLabels))
    try await builder.addHostname()
    try await builder.addKeys()
    if request.setsPassword { try await builder.addPassword() }
    try await builder.addNetwork()
    try await builder.addFiles()
    if request.selinux == .autorelabel {
      try await builder.planner.add(
        WantedNode(
          path: GuestPath([".autorelabel"]), content: .file([]), mode: 0o644,
          purpose: "SELinux: label all at boot"))
    }
    changes = builder.planner.changes
    networking = builder.networking
    notes = builder.notes
  }
}

/// One method a part of the record: what it wants in the image.
struct InjectionBuilder {
  let planner: ChangePlanner
  private(set) var networking: GuestNetworking?
  private(set) var notes: [String] = []
  private let request: InjectionRequest
  private var passwd: PasswdFile?

  init(_ request: InjectionRequest, _ planner: ChangePlanner) {
    self.request = request
    self.planner = planner
  }

  mutating func addHostname() async throws(DiskImageError) {
    var node = WantedNode(
      path: GuestPath(["etc", "hostname"]),
      content: .file(request.view.instance.hostname.bytes + "\n".utf8), mode: 0o644,
      purpose: "host name")
    node.keepsOwn = true
    node.labelType = "hostname_etc_t"
    try await planner.add(node)
  }

  mutating func addKeys() async throws(DiskImageError) {
    let keys = request.view.keys.filter { $0.type == .ssh }.map { $0.publicKey.trimmed.string }
    let user = try await user(request.user)
    let home = try await planner.tree.find(user.home).node
    guard let home, home.kind == .directory else {
      throw DiskImageError(
        .notPlain,
        "the home of '\(user.name)', \(user.home), is no directory of the image"
      )
    }
    let folder = user.home / ".ssh"
    let path = folder / "authorized_keys"
    let old = try await planner.tree.read(path, limit: AuthorizedKeys.maximumBytes)
    let text = AuthorizedKeys.text(old ?? [], with: keys)
    guard old != nil || !text.isEmpty else {
      notes.append("the instance has no SSH keys")
      return
    }
    var directory = WantedNode(
      path: folder, content: .directory, mode: 0o700, uid: user.uid, gid: user.gid,
      purpose: "SSH keys of \(user.name)")
    var file = WantedNode(
      path: path, content: .file(text), mode: 0o600, uid: user.uid, gid: user.gid,
      purpose: "SSH keys of \(user.name)")
    directory.labelType = "ssh_home_t"
    file.labelType = "ssh_home_t"
    try await planner.add(directory)
    try await planner.add(file)
  }

  /// As Nova does where `inject_password` is set: for root.
  mutating func addPassword() async throws(DiskImageError) {
    guard let password = request.view.instance.adminPassword else {
      notes.append("the record has no adminPassword")
      return
    }
    let old = try await planner.tree.read(ShadowFile.path, limit: ShadowFile.maximumBytes)
    guard let old else { throw DiskImageError(.noUser, "the image has no /etc/shadow") }
    var file = ShadowFile(old)
    try await file.set(password.revealed, of: "root")
    var node = WantedNode(
      path: ShadowFile.path, content: .file(file.bytes), mode: 0o640,
      purpose: "password of root")
    node.keepsOwn = true
    node.isShown = false
    node.labelType = "shadow_t"
    try await planner.add(node)
  }

  mutating func addNetwork() async throws(DiskImageError) {
    switch request.networking {
    case .skipped: return
    case .fixed(let fixed): networking = fixed
    case .automatic: networking = await GuestNetworking.find(in: planner.tree)
    }
    guard let networking else {
      notes.append("no netplan, ifupdown or systemd-networkd was found: the network is as it was")
      return
    }
    let nodes = try await networking.nodes(for: request.view, in: planner.tree)
    for node in nodes { try await planner.add(node) }
    if nodes.isEmpty {
      notes.append(
        "the record has no subnets for the instance's interfaces: the network is as it was")
    }
    for (number, interface) in request.view.instance.interfaces.enumerated()
    where interface.mac == nil && networking != .ifupdown && !nodes.isEmpty {
      notes.append("interface \(number) has no MAC to be found by and is left out")
    }
  }

  mutating func addFiles() async throws(DiskImageError) {
    for file in request.view.instance.files {
      var node = WantedNode(
        path: try GuestPath(file.path, "a file of the record"),
        content: .file(file.content.revealed), mode: 0o644, purpose: "file of the record")
      node.keepsOwn = true
      node.isShown = false
      try await planner.add(node)
    }
    for file in request.files {
      let path = try GuestPath(file.path, "--file")
      guard !path.names.isEmpty else {
        throw DiskImageError(.request, "--file: '\(file.path)' is no path of a file")
      }
      var node = WantedNode(
        path: path, content: .file(file.content), mode: file.mode ?? 0o644, purpose: "--file")
      node.isShown = false
      let old = try await planner.tree.file(path)
      if let old {
        node.mode = file.mode ?? old.mode
        node.uid = old.uid
        node.gid = old.gid
      }
      if let owner = file.owner {
        let user = try await user(owner)
        node.uid = user.uid
        node.gid = user.gid
      }
      try await planner.add(node)
    }
  }

  private mutating func user(_ name: String) async throws(DiskImageError) -> GuestUser {
    if passwd == nil {
      guard
        let bytes = try await planner.tree.read(PasswdFile.path, limit: PasswdFile.maximumBytes)
      else { throw DiskImageError(.noUser, "the image has no /etc/passwd") }
      passwd = PasswdFile(bytes)
    }
    return try (passwd ?? PasswdFile([])).user(name)
  }
}
