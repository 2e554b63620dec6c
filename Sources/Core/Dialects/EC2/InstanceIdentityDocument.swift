import Inventory

/// `dynamic/instance-identity/document`: who the instance is, in AWS' keys and order.
///
/// A guest that takes itself for one of AWS' asks again for minutes where this is missing, so it is
/// always there; what is not declared is null.
enum InstanceIdentityDocument {
  /// The document's own version, which AWS has not changed since.
  private static let formatVersion = "2017-09-30"

  static func document(for guest: EC2Guest) -> Document {
    // AWS says of no leaf that it is JSON.
    Document(.plainText, JSONWriter.bytes { $0.object { put(guest, into: &$0) } })
  }

  private static func put(_ guest: EC2Guest, into json: inout JSONWriter) {
    let instance = guest.instance
    json.put("accountId", guest.ownerID)
    json.put("architecture", instance.architecture)
    json.put("availabilityZone", instance.availabilityZone)
    json.putNull("billingProducts")
    json.putNull("devpayProductCodes")
    json.putNull("marketplaceProductCodes")
    json.put("imageId", guest.amiID)
    json.put("instanceId", guest.view.ec2InstanceID)
    json.put("instanceType", instance.instanceType)
    json.put("kernelId", instance.kernelID)
    json.put("pendingTime", CivilTime(secondsSince1970: guest.view.createdAtSeconds))
    json.put("privateIp", guest.localIPv4.map { ByteText($0) })
    json.put("ramdiskId", instance.ramdiskID)
    json.put("region", guest.region)
    json.put("version", formatVersion)
  }
}
