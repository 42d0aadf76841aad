#include "files/files.h"

#include "files/download_rest.h"
#include "files/files_service.h"
#include "files/filesystem_service.h"

int files_init(struct files *f, struct rpc *rpc, struct settings *settings, struct jobs *workers,
               bool as_user)
{
    *f = (struct files){
        .settings = settings, .workers = workers, .http = rpc->http, .rpc = rpc, .as_user = as_user};
    if (filesystem_service_init(f) < 0 || files_service_init(f) < 0)
        return -1;
    return download_rest_register(f);
}
