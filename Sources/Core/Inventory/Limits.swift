/// Every bound on what a guest, an operator or a peer may send, each with its reason.
public enum Limits {
  // MARK: JSON and manifests

  /// Nova's own documents nest four levels; vendor data of a site rarely ten.
  public static let maximumJSONDepth = 64
  /// Longer than any number that a program can use, short enough that none costs time to read.
  public static let maximumJSONNumberBytes = 400
  /// One document: user data at its limit in base64, the files at theirs, and room for the rest.
  public static let maximumDocumentBytes = 2 * 1024 * 1024
  /// One transaction. Larger than any cloud's network in one file, small enough to hold in memory.
  public static let maximumBatchDocuments = 100_000
  /// A manifest file as text.
  public static let maximumManifestBytes = 512 * 1024 * 1024

  // MARK: Instances

  /// Nova's and EC2's names: one database column of 255 characters.
  public static let maximumNameCharacters = 255
  /// RFC 1035: a whole domain name in text.
  public static let maximumHostnameCharacters = 253
  /// Nova's user_data at create: 65,535 characters of base64. The bytes behind them are fewer; we
  /// count the bytes, so that whatever Nova takes fits.
  public static let maximumUserDataBytes = 65_535
  /// Nova's keys and values of server metadata.
  public static let maximumMetadataCharacters = 255
  /// Nova's default quota `metadata_items`.
  public static let maximumMetadataItems = 128
  /// AWS: 50 tags a resource.
  public static let maximumTags = 50
  /// AWS: a tag's value.
  public static let maximumTagValueCharacters = 256
  /// More keys than a person manages by hand; what a team's sync produces.
  public static let maximumKeys = 100
  /// Longer than an RSA key of 16,384 bits or an x509 certificate chain of one.
  public static let maximumPublicKeyBytes = 16 * 1024
  /// PCI slots of a virtual machine.
  public static let maximumInterfaces = 64
  /// Fixed addresses of one interface, and floating ones of one fixed address.
  public static let maximumAddresses = 64
  public static let maximumSecurityGroups = 256
  public static let maximumBlockDevices = 256
  public static let maximumDevices = 256
  public static let maximumDeviceTags = 64
  public static let maximumDedicatedCPUs = 4096
  /// Nova's quota `injected_files`, with room for sites that raised it.
  public static let maximumFiles = 64
  /// All injected files together.
  public static let maximumFileBytes = 256 * 1024
  /// One instance's vendor data or injected network text.
  public static let maximumVendorDataBytes = 64 * 1024
  /// Linux: PATH_MAX is 4096; Nova's injected paths are limited to 255.
  public static let maximumFilePathCharacters = 255

  // MARK: Drives

  /// All files of a drive. A FAT drive has 64 MiB, as Nova's; a usual drive 50 KiB.
  public static let maximumDriveBytes = 32 * 1024 * 1024

  // MARK: Networks

  public static let maximumSubnets = 64
  public static let maximumRoutes = 256
  public static let maximumDNSServers = 16
  /// The smallest MTU that IPv4 allows.
  public static let minimumMTU = 68
  public static let maximumMTU = 65_535

  // MARK: The guests' side

  /// A request's path and query. The longest path of any dialect is under 200 bytes.
  public static let maximumRequestTargetBytes = 2048
  /// A request line and all headers. Real clients send under 1 KiB.
  public static let maximumRequestHeadBytes = 16 * 1024
  public static let maximumRequestHeaders = 64
  /// A session token as guests send it. AWS' have 56 characters; ours no more than twice that.
  public static let maximumSessionTokenBytes = 128
  /// AWS: six hours.
  public static let maximumTokenTTLSeconds = 21_600
  /// Tokens that are remembered as good ones: a few for each guest of a large host.
  public static let maximumVerifiedTokens = 16_384
  /// A token's time to live as text: AWS' longest is `21600`; this leaves room for zeros.
  public static let maximumTokenTTLBytes = 16
  /// The only body that a guest sends is a password of 1,020 bytes; this leaves room to refuse a
  /// larger one politely instead of cutting the connection.
  public static let maximumRequestBodyBytes = 16 * 1024
  /// Nova: four database columns of 255 bytes.
  public static let maximumPasswordBytes = 1020
  /// Bytes that a connection may send ahead of the answer it waits for.
  public static let maximumPipelinedBytes = 32 * 1024
  /// The whole head must arrive within this time: a slow client must not keep a slot.
  public static let requestHeadTimeoutMilliseconds = 10_000
  public static let requestBodyTimeoutMilliseconds = 10_000
  /// Between requests. SDKs keep a connection for a few seconds.
  public static let idleTimeoutMilliseconds = 30_000
  /// A guest that does not read its answer.
  public static let writeTimeoutMilliseconds = 30_000
  /// One guest's connections. cloud-init opens one at a time, a busy SDK a dozen.
  public static let maximumConnectionsPerGuest = 128
  /// All guests' connections: a rack's worth of guests booting at once.
  public static let maximumConnections = 16_384
  /// From an operator's sending a record to its being visible, beyond which a disk is to be seen to.
  public static let recordWritingMilliseconds = 500
  /// One guest's requests, on and on: agents ask once a second, a busy SDK a dozen times.
  public static let guestRequestsPerSecond = 100
  /// One guest's requests at once. The worst boot that was measured made 407 (cloud-init on a guest
  /// that takes itself for AWS', within 210 s), a usual one 82: two and a half of the worst in no
  /// time at all, 407 × 2.5 = 1017.
  public static let guestRequestBurst = 1024
  /// All guests' requests: about what two cores answer.
  public static let totalRequestsPerSecond = 50_000
  /// One guest's bytes, of answers that are large. 64 KiB of user data 16 times a second.
  public static let guestBytesPerSecond = 1024 * 1024
  /// All guests' bytes: a link of 1 Gbit/s, so that nothing else of the host's starves on it.
  public static let totalBytesPerSecond = 125_000_000
  /// What one guest may read at once, in seconds of its rate: 16 MiB are 256 times its user data.
  public static let byteBurstSeconds = 16
  /// Smaller answers are not counted by bytes: the number of requests bounds them.
  public static let uncountedAnswerBytes = 4096
  /// An undeclared address has such a part of a guest's requests: 128 at once, 12 a second. That is
  /// more than a usual boot asks before its record lands.
  public static let strangerShare = 8
  /// … and such a part of the connections: 32, and 4,096 for all undeclared addresses together.
  public static let strangerConnectionShare = 4
  /// Undeclared addresses whose use is remembered: the addresses of a /19.
  public static let maximumStrangerAccounts = 8192
  /// What one guest's connections keep in buffers, in and out: each a pipelined request or two and
  /// an answer that is on its way, or a few with all that they may have.
  public static let maximumHeldBytesPerGuest = 4 * 1024 * 1024
  /// What all connections keep in buffers.
  public static let maximumHeldBytes = 256 * 1024 * 1024
  /// So much every connection may keep, also where all together are over their limit: a request
  /// that is not whole, at its limit. 16,384 connections then have 256 MiB more.
  public static let heldBytesOfAnyConnection = 16 * 1024
  /// What the kernel may keep of a connection's input and output. Left alone it would let each grow
  /// to megabytes for a guest that does not read.
  public static let socketReceiveBytes = 32 * 1024
  public static let socketSendBytes = 64 * 1024
  /// Open files that guests' connections leave to operators, the store, vendor data and listeners,
  /// connections that are being turned away among them.
  public static let reservedDescriptors = 512
  /// Requests held for an address that nobody has declared yet.
  public static let maximumHeldRequests = 4096
  /// Of these, for one address: a guest asks a few things at once, a scanner many.
  public static let maximumHeldRequestsPerAddress = 16
  /// Requests that wait for their answer to change. They are half of all that may wait: what cannot do
  /// without waiting must find room beside them.
  public static let maximumChangeWaits = 2048
  /// Of these, for one instance: an agent, and what it left behind when it was started again.
  public static let maximumChangeWaitsPerInstance = 4
  /// The longest such wait. What is between keeps a silent connection for at least a minute.
  public static let maximumChangeWaitSeconds = 30
  /// After a change that was not its own, a request that waits looks again no sooner: so many guests,
  /// each rendered anew, are a part of one processor.
  public static let changePauseMilliseconds = 500
  /// Requests that wait for a store or for vendor data, in all.
  public static let maximumPendingRequests = 4096

  /// Addresses that are remembered because a request came from them that no instance sent. An
  /// operator reads them; a scanner must not fill memory.
  public static let maximumStrangers = 256
  /// Networks that are named where an address is declared on several: a line of the log, whoever asks and
  /// however many there are.
  public static let maximumNamedNetworks = 8
  /// Probes that are remembered until their asker looks: a few doctors at a time.
  public static let maximumProbes = 64
  /// A probe's answer: more than any path's packet, jumbo frames included.
  public static let maximumProbeBytes = 16_384

  // MARK: Dynamic vendor data

  /// One target's answer.
  public static let maximumDynamicVendorDataBytes = 256 * 1024
  public static let maximumDynamicVendorDataTargets = 32
  /// Calls under way to all targets.
  public static let maximumDynamicVendorDataCalls = 64
  /// Instances whose answers are kept.
  public static let maximumDynamicVendorDataEntries = 10_000

  // MARK: The operators' side

  /// A page of a list.
  public static let maximumPageSize = 1000
  public static let defaultPageSize = 200
  /// The instances that came last, as who keeps all ids in order must know them: more than a store takes
  /// while a million are put in order, and 128 KiB.
  public static let maximumArrivals = 8192
  /// Watchers at a time, and how far one may lag before it is told to start over.
  public static let maximumWatchers = 256
  public static let maximumWatchBacklog = 10_000
  /// Lines of the audit log: years of changes by hand, or two batches of the largest size. Each has
  /// about 300 bytes on disk.
  public static let maximumAuditEntries = 200_000
  /// Refused attempts beside them: nobody pushes out what was done by asking for what is refused.
  public static let maximumAuditRefusals = 20_000
  /// Tokens and certificates together: people and programs, not guests. All are compared with each
  /// token that comes.
  public static let maximumAccessEntries = 1000
  /// Series of metrics that this program and its libraries count in all: ours are some 200 where every
  /// operation is used, each a line of a scrape.
  public static let maximumMetricSeries = 2000
  /// Guests that `nameplate top` is told of: more than a screen has lines.
  public static let maximumBusyGuests = 256
}
